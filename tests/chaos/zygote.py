"""A process that has imported everything and forks a run for each order: real runs, started fast.

An order is a line of JSON with ``cwd``, ``arguments`` and the files for ``stdout`` and ``stderr``.
Answers are two lines: the process id once the run exists, its exit code once it has ended.
``{"import": false}`` in place of a fork starts ``python -m suite.run`` from nothing;
``{"headroom": n}`` gives it n bytes of address space beyond what importing has taken.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence


def _become(order: dict[str, Any]) -> None:
    """Be ``python -m suite.run`` from here on."""
    os.setsid()
    os.chdir(order["cwd"])
    for stream, name in ((0, os.devnull), (1, order["stdout"]), (2, order["stderr"])):
        how = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, how, 0o644), stream)
    if order.get("headroom"):
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + order["headroom"],) * 2)
    # Every stack is said, not one in five seconds: each line acknowledges what is stored.
    import suite.display
    import suite.run

    suite.display.LINE_SECONDS = 0.0  # type: ignore[misc]
    sys.argv = ["suite.run", *order["arguments"]]
    code: object = 1
    try:
        suite.run.start()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _start(order: dict[str, Any]) -> int:
    if order.get("import", True):
        pid = os.fork()
        if pid == 0:
            _become(order)
        return pid
    with Path(order["stdout"]).open("wb") as out, Path(order["stderr"]).open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "suite.run", *order["arguments"]],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        ).pid


def main(modules: Sequence[str]) -> None:
    """Serve orders until the input ends."""
    for name in modules:
        __import__(name)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = _start(json.loads(line))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
