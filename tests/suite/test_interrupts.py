import contextlib
import os
import signal

import pytest

from suite.interrupts import Interrupts, deferred


class EndedError(Exception):
    pass


@pytest.fixture(autouse=True)
def python_s_own_handler():
    """Where the tests run in a shell's background, SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


def test_a_deferred_one_comes_at_the_end_of_the_block():
    before = signal.getsignal(signal.SIGINT)
    done = []

    def load() -> None:
        with deferred():
            send(signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        load()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) == before


def test_a_deferred_one_comes_after_an_error_too():
    def fail() -> None:
        with deferred():
            send(signal.SIGINT)
            raise ImportError("initialization failed")

    with pytest.raises(KeyboardInterrupt):
        fail()


def test_a_second_one_does_not_wait():
    def load() -> None:
        with deferred():
            send(signal.SIGINT)
            send(signal.SIGINT)
            pytest.fail("went on")

    with pytest.raises(KeyboardInterrupt):
        load()


def test_a_second_one_that_is_lost_comes_again():
    def load() -> None:
        with deferred():
            send(signal.SIGINT)
            with contextlib.suppress(KeyboardInterrupt):
                send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        load()


def test_without_one_nothing_is_raised_and_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with deferred():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_deferred_one_goes_to_the_handler_that_was_there():
    def load(interrupts: Interrupts) -> None:
        with deferred():
            send(signal.SIGTERM)
            assert not interrupts.stopped()

    with Interrupts(end) as interrupts, interrupts.politely():
        load(interrupts)
        assert interrupts.stopped()
