"""Damages a store page by page and holds that nobody takes it for whole."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Final

from suite.errors import StoreError
from suite.store import STORE_NAME, StoreReader, StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Damage = Callable[[bytearray, int, random.Random], None]

PAGE: Final = 4096


def _garbage(content: bytearray, start: int, chance: random.Random) -> None:
    content[start : start + PAGE] = chance.randbytes(PAGE)


def _zeros(content: bytearray, start: int, chance: random.Random) -> None:
    del chance
    content[start : start + PAGE] = bytes(PAGE)


def _one_bit(content: bytearray, start: int, chance: random.Random) -> None:
    content[start + chance.randrange(PAGE)] ^= 1 << chance.randrange(8)


def _other_page(content: bytearray, start: int, chance: random.Random) -> None:
    other = PAGE * chance.choice([i for i in range(len(content) // PAGE) if i * PAGE != start])
    content[start : start + PAGE] = content[other : other + PAGE]


def _cut_off(content: bytearray, start: int, chance: random.Random) -> None:
    del content[start + chance.randrange(PAGE) :]


DAMAGES: Final[dict[str, Damage]] = {
    "garbage": _garbage,
    "zeros": _zeros,
    "one bit": _one_bit,
    "another page's content": _other_page,
    "cut off": _cut_off,
}


def damage_every_page(whole: Path, scratch: Path, seed: int) -> Counter[str]:
    """Damage each page in each way and open what is left, to read and to write.

    Each time the store is refused in one line that names it, and is left as it is; or all that it
    holds is what was stored (a bit in the empty part of a page). Anything else fails.

    Returns
    -------
    Counter
        ``refused`` and ``whole``, for each kind of damage.
    """
    chance = random.Random(seed)
    expected = _content(whole)
    content = (whole / STORE_NAME).read_bytes()
    assert len(content) % PAGE == 0
    seen: Counter[str] = Counter()
    for name, what in _damaged(content, chance):
        for kind in (StoreReader, StoreWriter):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            file = scratch / STORE_NAME
            file.write_bytes(what)
            try:
                with kind(scratch) as store:
                    store.verify()
                found = _content(scratch)
            except StoreError as error:
                line = str(error)
                assert str(file) in line, line
                assert line.isprintable(), line
                seen[f"{name}: refused"] += 1
            else:
                assert found == expected, f"{name}: other content was taken for whole"
                seen[f"{name}: whole"] += 1
            assert file.read_bytes() == what, f"{name}: {kind.__name__} changed a damaged store"
            left = {path.name for path in scratch.iterdir()} - {STORE_NAME, f"{STORE_NAME}.lock"}
            assert not left, left
    return seen


def _damaged(content: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(content), PAGE):
        for name, damage in DAMAGES.items():
            what = bytearray(content)
            damage(what, start, chance)
            if what and bytes(what) != content:  # an empty file is a new store
                yield name, bytes(what)


def _content(out: Path) -> list[object]:
    """All that a store holds, in the order that its reader gives."""
    with StoreReader(out) as store:
        tables = [
            store.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
            for table in ("runs", "studies", "planned", "planned_costs", "costs", "stack_sizes")
        ]
        return [*tables, list(store.results())]
