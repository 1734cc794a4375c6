import psutil
import pytest

from suite import room


@pytest.fixture
def group(tmp_path, monkeypatch):
    """The files of a control group with a limit below what any machine has free."""
    monkeypatch.setattr(room, "_GROUP", tmp_path)
    for name, text in (
        ("max", "3000000\n"),
        ("current", "1000000\n"),
        ("stat", "anon 200000\nfile 800000\ninactive_file 600000\nactive_file 200000\n"),
    ):
        (tmp_path / f"memory.{name}").write_text(text)
    return tmp_path


def test_a_container_has_the_memory_of_its_group_and_files_are_not_in_the_way(group):
    assert room.free_memory() == 3_000_000 - 1_000_000 + 600_000
    for text in (None, "anon 5\n", "inactive_file many\n"):
        (group / "memory.stat").unlink(missing_ok=True)
        if text is not None:
            (group / "memory.stat").write_text(text)
        assert room.free_memory() == 2_000_000


@pytest.mark.parametrize("text", ["max\n", None])
def test_without_a_limit_it_is_the_machine_s(group, monkeypatch, text):
    (group / "memory.max").unlink()
    if text is not None:
        (group / "memory.max").write_text(text)
    machine = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert room.free_memory() == machine.available
