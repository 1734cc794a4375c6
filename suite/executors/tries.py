"""How often a task is tried whose workers die, and how large its stack may still be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from suite.planning import Stack

if TYPE_CHECKING:
    from suite.executors.base import SizeWanted
    from suite.records import Status

TRIES: Final = 2


@dataclass(frozen=True)
class Death:
    """Why a worker is not to be counted on any more.

    Parameters
    ----------
    reason
        For people.
    status
        What the worker's trials are if this is the last word: ``oom`` where the system ended the
        worker for want of memory.
    """

    reason: str
    status: Status = "failed"


class Tries:
    """What became of one task so far.

    Parameters
    ----------
    task
        What is tried.
    """

    def __init__(self, task: Stack | SizeWanted) -> None:
        self.deaths = 0
        self.most: int | None = None  # members of its stack that may still fit, where that is known
        self._size = len(task.trials) if isinstance(task, Stack) else 1

    @property
    def first(self) -> bool:
        """Whether it was not tried before."""
        return not self.deaths and self.most is None

    def died(self, death: Death) -> Death | None:
        """Note a death; give the last word where the task is not to be tried again."""
        if death.status == "oom":
            if self._size > 1:
                self._size = self.most = (self._size + 1) // 2
                return None
            return death
        self.deaths += 1
        if self.deaths < TRIES:
            return None
        return Death(f"{death.reason}, {TRIES} times")
