"""Measure what is missing and store it, one replicate at a time.

It has the devices for itself: the caller measures before or after training, never beside it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.cost.plan import pending
from suite.cost.processes import measure_in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    should_stop: Callable[[], bool],
    on_measured: Callable[[CostsMeasured], None],
    retry: Sequence[str] = (),
    measure: Callable[[Replicate, Callable[[], bool]], tuple[CostResult, ...]] = measure_in_process,
) -> None:
    """Measure and store every replicate that the store does not hold whole.

    Parameters
    ----------
    replicates
        The whole plan of costs.
    store, run
        Where results go, and the run's id there.
    should_stop
        Asked all the time.
    on_measured
        Told of every stored replicate, in this thread.
    retry
        Statuses that are measured once more.
    measure
        Measures one replicate; in a fresh process by default.

    Raises
    ------
    InterruptedRunError
        ``should_stop()`` held. Stored replicates stay; the same call goes on from there.
    """
    store.plan_costs(task for replicate in replicates for task in replicate.tasks)
    wanted = pending(replicates, store.cost_statuses(), retry=retry)
    done = len(replicates) - len(wanted)
    for replicate in wanted:
        results = measure(replicate, should_stop)
        store.add_costs(run, results)
        done += 1
        on_measured(
            CostsMeasured(
                replicate,
                done,
                len(replicates),
                flags=dict(Counter(f for r in results for t in r.timings for f in t.flags)),
                failures=tuple(r.reason for r in results if r.status in ("failed", "oom")),
            )
        )
