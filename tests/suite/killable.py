"""A run to be killed by ``test_kill.py``: says every trial whose storage was acknowledged."""

import sys
from pathlib import Path

from suite.executors.base import StackFinished
from suite.executors.in_process import InProcessExecutor
from suite.runner import Event, Options, run_plan
from suite.store import StoreWriter
from tests.fakes import FakeTrainer, choose_three, tiny_plan

# So many stacks that none of the kills comes after the last one, however late it comes.
PLAN = tiny_plan(seeds=40)


def run(out: Path, pause: float) -> None:
    """Run the plan of the test; the same call goes on where one before was killed."""

    def on_event(event: Event) -> None:
        if isinstance(event, StackFinished):
            print(*(result.trial.key for result in event.results), flush=True)

    with StoreWriter(out) as store:
        run_plan(
            PLAN,
            store,
            InProcessExecutor(FakeTrainer(pause=pause), threads=1),
            choose_three,
            {},
            options=Options(),
            should_stop=lambda: False,
            on_event=on_event,
        )


if __name__ == "__main__":
    run(Path(sys.argv[1]), pause=0.01)
