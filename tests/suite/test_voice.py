import io
import os

import pytest

from suite.pipes import fall_silent, flush_output
from suite.voice import SteadyConsole, Voice


@pytest.fixture
def forsaken():
    """A stream whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        yield stream


def test_a_voice_that_nobody_hears_falls_silent_and_does_no_harm(forsaken):
    voice = Voice(SteadyConsole(file=forsaken), quiet=False)
    for _ in range(3):
        voice.say("a line")
        voice.warn("another")
    with voice.during("a moment"):
        pass
    assert voice.console.quiet


def test_a_voice_that_is_heard_is_not_silent():
    console = SteadyConsole(file=io.StringIO())
    Voice(console, quiet=False).say("a line")
    assert not console.quiet
    assert console.file.getvalue() == "a line\n"


def test_what_is_left_in_a_buffer_is_written_or_forgotten(forsaken, monkeypatch):
    heard = io.StringIO()
    monkeypatch.setattr("sys.stdout", forsaken)
    monkeypatch.setattr("sys.stderr", heard)
    forsaken.write("left")
    flush_output()
    forsaken.write("more")
    flush_output()


def test_a_stream_without_a_file_can_not_be_led_elsewhere():
    stream = io.StringIO()
    fall_silent(stream)
    stream.write("still")
    assert stream.getvalue() == "still"
