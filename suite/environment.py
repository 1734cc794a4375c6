"""A record of where a run took place: what a reader needs to judge or repeat its numbers.

Plain JSON. Neither host and user names nor paths are recorded; a mark tells machines apart.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import suite
from suite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_DISTRIBUTIONS: Final = (
    "jinja2",
    "matplotlib",
    "mlxtend",
    "numpy",
    "packaging",
    "pandas",
    "psutil",
    "pydantic",
    "rich",
    "scipy",
    "torch",
    "torchvision",
)
_GIT_SECONDS: Final = 5.0
_CPU_QUOTA: Final = Path(
    "/sys/fs/cgroup/cpu.max"
)  # microseconds of all cores, in a period of so many


def environment() -> dict[str, Any]:
    """Describe the interpreter, machine, libraries, numerical settings and code revision.

    Returns
    -------
    dict
        Keys ``python``, ``platform``, ``machine`` (see ``machine_mark``), ``cpu`` (model, cores,
        bytes of memory, the instruction set that torch uses), ``threads``, ``load_at_start``
        (processes waiting or running, mean over the last minute; None where the system does not
        say), ``versions``, ``torch`` (build and numerical settings), ``torchvision_native_ops``,
        ``code``.
    """
    # Loaded here, so that importing this module costs no second (--help).
    import psutil  # noqa: PLC0415
    import torch  # noqa: PLC0415

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "machine": machine_mark(),
        "cpu": {
            "model": cpu_model(),
            "logical_cores": psutil.cpu_count(),
            "physical_cores": psutil.cpu_count(logical=False),
            "usable_cores": usable_cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "capability": torch.backends.cpu.get_cpu_capability(),
        },
        "threads": torch.get_num_threads(),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": versions(),
        "torch": _torch_settings(),
        "torchvision_native_ops": _native_ops(),
        "code": code_revision(Path(suite.__file__).parent.parent),
    }


def cpu_model() -> str:
    """Name the processor as the system does; the architecture where it gives no name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def machine_mark(identity: Path = Path("/etc/machine-id")) -> str:
    """Give eight hexadecimal digits that tell this machine from others and do not name it.

    Parameters
    ----------
    identity
        The system's own mark, which containers may lack; the host name goes in too.
    """
    try:
        own = identity.read_text(encoding="utf-8").strip()
    except OSError:
        own = ""
    return hashlib.sha256(f"{platform.node()}\n{own}".encode()).hexdigest()[:8]


def usable_cores() -> int:
    """Count the logical cores that this process may use, which a container can make fewer.

    A container may be bound to some of them, or be given a share of the time of all.
    """
    bound = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    try:
        quota, period = _CPU_QUOTA.read_text(encoding="utf-8").split()
        return max(1, min(bound, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return bound  # no such file, or no limit: "max 100000"


def versions(names: Iterable[str] | None = None) -> dict[str, str | None]:
    """Give the installed version of each library, by default of those recorded; None: absent."""
    return {name: _version(name) for name in (_DISTRIBUTIONS if names is None else names)}


def code_revision(checkout: Path) -> dict[str, Any]:
    """Say which code this is.

    Parameters
    ----------
    checkout
        The folder that holds the package ``suite``.

    Returns
    -------
    dict
        ``version`` of the package; ``revision``, the git commit, and ``modified``, whether
        tracked files of ``suite`` differ from it: both None where ``checkout`` is not the
        root of a git checkout (an installed package, say, even below some other checkout).
    """
    root = _git(checkout, "rev-parse", "--show-toplevel")
    known = root is not None and Path(root).resolve() == checkout.resolve()
    revision = _git(checkout, "rev-parse", "HEAD") if known else None
    changes = _git(checkout, "status", "--porcelain", "--untracked-files=no", "--", "suite")
    return {
        "version": suite.__version__,
        "revision": revision,
        "modified": None if revision is None or changes is None else bool(changes),
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _torch_settings() -> dict[str, Any]:
    import torch  # noqa: PLC0415

    backends: Any = torch.backends  # its functions carry no types
    return {
        "build": torch.__version__,
        "git_version": torch.version.git_version,
        "mkl": backends.mkl.is_available(),
        "onednn": backends.mkldnn.is_available(),
        "openmp": backends.openmp.is_available(),
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version() if torch.cuda.is_available() else None,
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "interop_threads": torch.get_num_interop_threads(),
    }


def _native_ops() -> bool | None:
    from suite.torchvision_compat import native_ops  # noqa: PLC0415

    try:
        return native_ops()
    except UsageError:
        return None  # torchvision is not installed, as versions() says too


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git, no checkout, or one that git does not trust
    return done.stdout.strip()
