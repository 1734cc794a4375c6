"""The runner: plan × executor × store. It trains what is not done yet, and never prints.

What happens is told to a callback as events; results go to the store one stack at a time, so at any
moment everything that was finished is safe.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from suite.errors import InterruptedRunError
from suite.executors.base import Executor, ShouldStop, StackFinished, StackStarted
from suite.planning import Plan, Stack, cut_stacks
from suite.records import Trial

if TYPE_CHECKING:
    from suite.cost.plan import Replicate
    from suite.store import StoreReader, StoreWriter

UNSUCCESSFUL: Final = ("failed", "oom")

# Shape → its trials; gives each shape with a stack size and the timings behind it, in any order.
ChooseSizes: TypeAlias = Callable[
    [Mapping[str, Sequence[Trial]], ShouldStop], Iterable[tuple[str, int, dict[int, float]]]
]

Arrange: TypeAlias = Callable[[Sequence[Stack]], Sequence[Stack]]


@dataclass(frozen=True)
class SizesWanted:
    """Stack sizes of so many shapes are about to be chosen by timing."""

    shapes: int


@dataclass(frozen=True)
class SizeChosen:
    """The stack size of one shape is known."""

    shape: str
    size: int


@dataclass(frozen=True)
class TrainingStarts:
    """What is to be trained, and how many trials of the plan are done already."""

    stacks: tuple[Stack, ...]
    done: int


Event: TypeAlias = SizesWanted | SizeChosen | TrainingStarts | StackStarted | StackFinished


@dataclass(frozen=True)
class Options:
    """What the user may ask for beside the plan.

    Parameters
    ----------
    force
        Train what is done once more; an old row goes when the new one is there.
    retry_failed
        Train trials that are stored as ``failed`` or ``oom`` once more.
    fail_fast
        Stop after the first stack with such a trial.
    """

    force: bool = False
    retry_failed: bool = False
    fail_fast: bool = False


@dataclass(frozen=True)
class Summary:
    """How a run ended.

    Parameters
    ----------
    statuses
        Status → trials of the plan, ``missing`` for those that are not stored.
    trained
        Trials that this run trained.
    first_failure
        Status and reason of the first unsuccessful trial of this run.
    stopped_early
        Whether that trial ended the run, as ``Options.fail_fast`` asks. Nothing need be missing
        then: it may have been the last one, or older results stand where new ones were to come.
    """

    statuses: dict[str, int]
    trained: int
    first_failure: tuple[str, str] | None = None
    stopped_early: bool = False

    @property
    def unsuccessful(self) -> int:
        """Trials of the plan that failed or ran out of memory."""
        return sum(self.statuses.get(status, 0) for status in UNSUCCESSFUL)

    @property
    def missing(self) -> int:
        """Trials of the plan that no run has finished."""
        return self.statuses.get("missing", 0)


def run_plan(
    plan: Plan,
    store: StoreWriter,
    executor: Executor,
    choose_sizes: ChooseSizes,
    info: dict[str, Any],
    *,
    options: Options,
    should_stop: ShouldStop,
    on_event: Callable[[Event], None],
    arranged: Arrange = tuple,
    finish: bool = True,
) -> Summary:
    """Train all that is missing and store it.

    Parameters
    ----------
    plan
        The whole plan; what the store holds of it is skipped.
    store
        Open for writing.
    executor
        Trains the stacks.
    choose_sizes
        Asked for shapes that have no size yet; a choice is kept in the store, and used again on
        resume.
    info
        Plain JSON about this run, for the record.
    options
        See ``Options``.
    should_stop
        Asked between steps and stacks.
    on_event
        Told what happens, in this thread.
    arranged
        Orders the stacks that are to be trained; they come in an order that is balanced.
    finish
        Record that the run came to its end once all is trained; not where there is more to do in
        it than training.

    Raises
    ------
    InterruptedRunError
        ``should_stop()`` held. What was finished is stored; the same call goes on from there.
    """
    wanted = pending(plan, store, options)
    run = store.begin_run(
        now(),
        {**info, "executor": executor.describe(), "options": dataclasses.asdict(options)},
        plan.studies,
        plan.planned,
    )
    sizes = _sizes(plan, wanted, store, choose_sizes, should_stop, on_event)
    stacks = tuple(
        arranged(
            [
                dataclasses.replace(stack, trials=left)
                for stack in cut_stacks(plan, sizes)
                if (left := tuple(t for t in stack.trials if t.key in wanted))
            ]
        )
    )
    on_event(TrainingStarts(stacks, done=len(plan.trials) - len(wanted)))
    trained, first_failure, stopped_early = 0, None, False
    for event in executor.run(stacks, should_stop):
        if isinstance(event, StackFinished):
            store.add(run, event.results)
            trained += len(event.results)
            bad = [r for r in event.results if r.status in UNSUCCESSFUL]
            if bad and first_failure is None:
                first_failure = (bad[0].status, bad[0].reason)
        on_event(event)
        if options.fail_fast and first_failure is not None:
            stopped_early = True
            break
    if finish and not stopped_early:
        store.finish_run(run, now())
    return Summary(count_statuses(plan, store), trained, first_failure, stopped_early)


def pending(plan: Plan, store: StoreReader, options: Options) -> set[str]:
    """Keys of the plan's trials that are to be trained."""
    return set(plan.trials) - settled(store, options, store.statuses(), store.trained_by())


def settled(
    store: StoreReader, options: Options, statuses: Mapping[str, str], made_by: Mapping[str, int]
) -> set[str]:
    """Keys of what is stored and not to be made again.

    Parameters
    ----------
    store
        Holds the runs.
    options
        What the user asked for.
    statuses, made_by
        Key → status, and key → id of the run that stored it: of trials, or of costs.
    """
    if options.force:  # what a forced run made before it was stopped, the next one need not make
        unfinished = _unfinished_forced(store)
        return {key for key, run in made_by.items() if run in unfinished}
    again = UNSUCCESSFUL if options.retry_failed else ()
    return {key for key, status in statuses.items() if status not in again}


def count_statuses(plan: Plan, store: StoreReader) -> dict[str, int]:
    """Status → number of the plan's trials."""
    stored = store.statuses()
    return dict(Counter(stored.get(key, "missing") for key in plan.trials))


def unsuccessful_costs(replicates: Iterable[Replicate], statuses: Mapping[str, str]) -> int:
    """Count the planned costs that failed or ran out of memory, whichever run measured them.

    Parameters
    ----------
    replicates
        The plan of costs.
    statuses
        Key → status of every stored cost.
    """
    tasks = (task for replicate in replicates for task in replicate.tasks)
    return sum(statuses.get(task.key) in UNSUCCESSFUL for task in tasks)


def _unfinished_forced(store: StoreReader) -> set[int]:
    """Give the newest forced runs, as far back as none came to its end."""
    unfinished = set()
    for run in reversed(store.runs()):
        if run["finished"] is not None or not run.get("options", {}).get("force"):
            break
        unfinished.add(run["id"])
    return unfinished


def _sizes(
    plan: Plan,
    wanted: set[str],
    store: StoreWriter,
    choose_sizes: ChooseSizes,
    should_stop: ShouldStop,
    on_event: Callable[[Event], None],
) -> dict[str, int]:
    """Stack size of every shape with work to do, chosen now or by an earlier run of this plan."""
    kept = store.stack_sizes()
    sizes: dict[str, int] = {}
    missing: dict[str, Sequence[Trial]] = {}
    for shape, trials in plan.shapes.items():
        if any(trial.key in wanted for trial in trials):
            name = _name_of_choice(shape, trials)
            if name in kept:
                sizes[shape] = kept[name]
            else:
                missing[shape] = trials
    if missing:
        on_event(SizesWanted(len(missing)))
        for shape, size, timings in choose_sizes(missing, should_stop):
            if should_stop():
                raise InterruptedRunError("stopped while stack sizes were chosen")
            sizes[shape] = size
            store.keep_stack_size(_name_of_choice(shape, missing[shape]), size, timings)
            on_event(SizeChosen(shape, size))
    return sizes


def _name_of_choice(shape: str, trials: Sequence[Trial]) -> str:
    """Name a shape with its number of trials: a plan with more seeds may choose anew."""
    return f"{len(trials)} × {shape}"


def now() -> str:
    """Give the time as the store records it: ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
