"""A connection to a Ray cluster of any number of machines, or to one that is started for a run."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from suite.errors import UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_TOKEN_SOURCES: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


class Cluster:
    """A connection to a Ray cluster.

    Parameters
    ----------
    ray
        The module, connected.
    folder
        Of a cluster that was started for this run, to be removed with it; None for another's.
    """

    def __init__(self, ray: Any, folder: Path | None) -> None:
        self.ray = ray
        self._folder = folder
        self._mine = folder is not None
        self._remote: dict[tuple[Callable[..., Any], bool], Any] = {}

    def remote(self, function: Callable[..., Any], *, num_gpus: int, **options: Any) -> Any:
        """Give a function as a task that is tried once, with these options.

        Whoever submits it tries it again. A process that had a GPU ends with its task, for CUDA
        stays on that GPU; Ray sees to it by itself only where it knows of the GPU from the start.
        """
        key = (function, num_gpus > 0)
        if key not in self._remote:
            kept = {"max_calls": 1} if num_gpus else {}
            self._remote[key] = self.ray.remote(num_gpus=num_gpus, max_retries=0, **kept)(function)
        return self._remote[key].options(**options)

    def cancel(self, ref: Any) -> None:
        """End a task's process, whatever it does."""
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.cancel(ref, force=True)

    def nodes(self) -> int:
        """Count living nodes."""
        return len(self._alive())

    def room(self, threads: int, *, gpus: bool) -> int:
        """Count the stacks that all nodes have room for, on a GPU each or on none."""

        def fit(resources: Mapping[str, float]) -> int:
            cores = int(resources.get("CPU", 0)) // threads
            return min(cores, int(resources.get("GPU", 0))) if gpus else cores

        return sum(fit(node["Resources"]) for node in self._alive())

    def largest_node(self, tried: Sequence[str] = (), *, gpus: bool) -> dict[str, Any] | None:
        """Choose the node with the most cores, and a GPU where one is needed; None without any.

        One of those that were tried only where there is no other.
        """
        return max(
            (n for n in self._alive() if not gpus or n["Resources"].get("GPU", 0) >= 1),
            key=lambda n: (n["NodeID"] not in tried, n["Resources"].get("CPU", 0), n["NodeID"]),
            default=None,
        )

    def bound_to(self, node: Mapping[str, Any]) -> Any:
        """Give what binds a task to a node."""
        from ray.util.scheduling_strategies import (  # noqa: PLC0415
            NodeAffinitySchedulingStrategy,
        )

        return NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)

    def close(self) -> None:
        """Disconnect, where this run connected; may be called again."""
        if self._mine:
            self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._mine, self._folder = False, None

    def _alive(self) -> list[dict[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]


def connected(address: str | None, cores: int) -> Cluster:
    """Connect to a cluster, or start one on this machine alone.

    Token authentication is on unless ``RAY_AUTH_MODE`` says otherwise. A cluster that is started
    here gets a token of its own, in this process's environment and nowhere else.

    Parameters
    ----------
    address
        As ``--address`` is written; None starts a cluster.
    cores
        Of a cluster that is started here.

    Raises
    ------
    UsageError
        Ray is not installed, or there is no such cluster, or it refuses the token.
    """
    secure(new=address is None)
    with _signals_kept():
        try:
            import ray  # noqa: PLC0415  an extra, and slow to load
        except ImportError:
            raise UsageError(
                "--executor ray needs Ray: pip install 'batchnorm-bench[ray]'"
            ) from None
        if ray.is_initialized():
            return Cluster(ray, None)
        quiet: dict[str, Any] = {
            "include_dashboard": False,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        folder = None
        try:
            if address is None:
                # Short: sockets lie in it, and their paths may have 107 characters.
                folder = Path(tempfile.mkdtemp(prefix="bench-ray-"))
                ray.init(
                    num_cpus=cores, _temp_dir=str(folder), _node_ip_address="127.0.0.1", **quiet
                )
            else:
                del quiet["include_dashboard"]
                ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise UsageError(
                f"can't connect to the Ray cluster {address or 'on this machine'}: "
                f"{first_line(error)} (its "
                "token goes into RAY_AUTH_TOKEN; a cluster without needs RAY_AUTH_MODE=disabled)"
            ) from None
    connection = Cluster(ray, folder)
    connection._mine = True
    return connection


def secure(*, new: bool) -> None:
    """Set what Ray reads when it is first imported: authentication on, usage statistics off.

    Parameters
    ----------
    new
        A cluster is to be started: it gets a token where the environment has none.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    if new and not any(os.environ.get(name) for name in _TOKEN_SOURCES):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo that importing Ray takes SIGTERM for itself."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
