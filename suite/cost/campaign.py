"""Measure what is missing and store it, one replicate at a time.

It has the devices for itself: the caller measures after training, never beside it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.cost.plan import pending
from suite.cost.processes import measure_in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from suite.cost.plan import Replicate
    from suite.cost_records import CostResult
    from suite.store import StoreWriter


@dataclass(frozen=True)
class CostsMeasured:
    """One replicate is stored.

    Parameters
    ----------
    done, total
        Replicates stored by now, of those that the plan asks for.
    flags
        Flag → timings of this replicate that have it.
    failures
        Reasons of tasks that failed or ran out of memory.
    """

    replicate: Replicate
    done: int
    total: int
    flags: dict[str, int]
    failures: tuple[str, ...]


def measure_costs(
    replicates: Sequence[Replicate],
    store: StoreWriter,
    run: int,
    *,
    done: Set[str],
    should_stop: Callable[[], bool],
    on_measured: Callable[[CostsMeasured], None],
    measure: Callable[[Replicate, Callable[[], bool]], tuple[CostResult, ...]] = measure_in_process,
) -> None:
    """Measure and store every replicate that is not done whole.

    Parameters
    ----------
    replicates
        The whole plan of costs.
    store, run
        Where results go, and the run's id there.
    done
        Keys of tasks that need not be measured.
    should_stop
        Asked all the time.
    on_measured
        Told of every stored replicate, in this thread.
    measure
        Measures one replicate; in a fresh process by default.

    Raises
    ------
    InterruptedRunError
        ``should_stop()`` held. Stored replicates stay; the same call goes on from there.
    """
    wanted = pending(replicates, done)
    for place, replicate in enumerate(wanted, start=len(replicates) - len(wanted) + 1):
        results = measure(replicate, should_stop)
        store.add_costs(run, results)
        on_measured(
            CostsMeasured(
                replicate,
                place,
                len(replicates),
                flags=dict(Counter(f for r in results for t in r.timings for f in t.flags)),
                failures=tuple(r.reason for r in results if r.status in ("failed", "oom")),
            )
        )
