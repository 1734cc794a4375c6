import os
import signal

import pytest

from suite.interrupts import Interrupts


class EndedError(Exception):
    pass


def end() -> None:
    raise EndedError


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_is_noted_and_the_second_ends(number):
    with Interrupts(end) as interrupts, interrupts.politely():
        assert not interrupts.stopped()
        send(number)
        assert interrupts.stopped()
        with pytest.raises(EndedError):
            send(signal.SIGINT)


def test_where_it_is_not_polite_the_first_raises():
    with Interrupts(end) as interrupts:
        with interrupts.politely():
            pass
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        assert interrupts.stopped()
        with pytest.raises(EndedError):
            send(signal.SIGTERM)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(end):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
