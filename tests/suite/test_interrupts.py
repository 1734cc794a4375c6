import contextlib
import os
import signal

import pytest

from suite.interrupts import Interrupts, lasting


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


def lose(number: int) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        send(number)


def test_one_that_was_lost_is_raised_at_the_end():
    before = signal.getsignal(signal.SIGINT)
    after = []

    def lose_and_go_on() -> None:
        with lasting():
            lose(signal.SIGINT)
            after.append("went on")

    with pytest.raises(KeyboardInterrupt):
        lose_and_go_on()
    assert after == ["went on"]
    assert signal.getsignal(signal.SIGINT) == before


def test_one_that_was_not_lost_is_raised_at_once():
    before = signal.getsignal(signal.SIGINT)

    def go_on() -> None:
        with lasting():
            send(signal.SIGINT)
            pytest.fail("went on")

    with pytest.raises(KeyboardInterrupt):
        go_on()
    assert signal.getsignal(signal.SIGINT) == before


def test_without_one_nothing_is_raised_and_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with lasting():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_it_calls_the_handlers_that_it_finds():
    def lose_one_and_end(interrupts: Interrupts) -> None:
        with lasting():
            lose(signal.SIGTERM)
            assert interrupts.stopped()
            send(signal.SIGTERM)

    with Interrupts(end) as interrupts, pytest.raises(EndedError):
        lose_one_and_end(interrupts)
