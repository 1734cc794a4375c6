"""What the command lines of this package share: one line for every fault, and its exit code."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, NoReturn

from suite.errors import EXIT_DONE, EXIT_INTERNAL, EXIT_INTERRUPTED, BenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is a ``UsageError``: in this project exit code 2 says stopped."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise UsageError(f"{message}; see {self.prog} --help")


def answer(work: Callable[[], int], stopped: str) -> int:
    """Do the work of a command; returns the exit code.

    Parameters
    ----------
    work
        Gives the exit code where nothing is wrong.
    stopped
        What Ctrl-C leaves, in a few words.
    """
    try:
        code = work()
        sys.stdout.flush()
    except BenchError as error:
        return _fail(f"error: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _fail(stopped, EXIT_INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has what they wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except Exception as error:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="batchnorm-bench-error-", suffix=".txt", delete=False
        ) as file:
            file.write(traceback.format_exc())
        first = (str(error).splitlines() or [""])[0]
        what = f"internal error: {type(error).__name__}: {first}"
        return _fail(f"error: {what}; please report {file.name}", EXIT_INTERNAL)
    return code


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return code
