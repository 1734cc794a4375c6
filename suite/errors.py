"""The exception tree: everything this project raises on purpose.

Every error carries the exit code of the command line, so that ``run.py`` needs no table of its own.
The message is one line that says what is wrong and what to do; where several things are wrong at
once, ``faults`` lists each on its own line.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_DONE: Final = 0
EXIT_TRIALS_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 2
EXIT_INTERNAL: Final = 3
EXIT_USAGE: Final = 4


class BenchError(Exception):
    """Root of the tree; on its own it means that this project is at fault."""

    exit_code: ClassVar[int] = EXIT_INTERNAL


class UsageError(BenchError):
    """Something the user wrote, chose or handed in can't be used as it is."""

    exit_code = EXIT_USAGE


class UnknownNameError(UsageError):
    """A name that no registry holds.

    Parameters
    ----------
    kind
        What the name was meant to be, e.g. ``"norm"``.
    name
        The name as given.
    known
        The valid names.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.known)}"
        super().__init__(f"unknown {kind} {name!r}: {hint}")


class GridError(UsageError):
    """A grid with mistakes; ``faults`` names every one of them with its place."""

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = "1 mistake" if len(self.faults) == 1 else f"{len(self.faults)} mistakes"
        super().__init__(f"grid {source}: {count}\n" + "\n".join(f"  {f}" for f in self.faults))


class DataError(UsageError):
    """A dataset file is missing, truncated or not what its name says; the message names it."""


class DatasetUnavailableError(DataError):
    """A dataset is neither on disk nor reachable; the caller may fall back to ``mnist5k``."""


class StoreError(UsageError):
    """A store that can't be read or written: not SQLite, another schema, locked, no permission."""


class StoreLockedError(StoreError):
    """Another run holds the store."""


class StoreDamagedError(StoreError):
    """A store that does not hold what was stored."""


class StoreTooOldError(StoreError):
    """A store of an older version, which a run upgrades."""


class StoreTooNewError(StoreError):
    """A store of a newer version than this one."""


class IncomparableError(UsageError):
    """Results that must not be pooled: other data, other code or another registry."""


class DeviceError(UsageError):
    """A device that is not present, or one that failed the check against float64 on the CPU."""


class ModelError(UsageError):
    """A model that can't be used: it ignores its norm argument, or can't take this norm."""


class InterruptedRunError(BenchError):
    """The user asked for a stop; what is finished is stored and the run can go on later."""

    exit_code = EXIT_INTERRUPTED


class DeviceLostError(InterruptedRunError):
    """A device computes no more in this process; what is finished is stored for the next one."""


class TrialUndefinedError(BenchError):
    """The condition has no mathematical meaning (BN over a batch of one); stored, not raised on."""


def first_line(error: BaseException) -> str:
    """Give what an error says first, or its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
