import pytest

from suite import files
from suite.errors import UsageError
from suite.files import write_whole


def test_writes_and_replaces(tmp_path):
    file = tmp_path / "deep" / "file.txt"
    write_whole(file, "first\nγ")
    assert file.read_bytes() == "first\nγ".encode()
    write_whole(file, b"second")
    assert file.read_bytes() == b"second"
    assert [p.name for p in file.parent.iterdir()] == ["file.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_whole(tmp_path / "ours", "x")
    (tmp_path / "theirs").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    file = tmp_path / "file.txt"
    write_whole(file, "old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, step, refuse)
    with pytest.raises(UsageError, match=r"can't write .*file\.txt: No space left on device"):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(UsageError, match="can't write"):
        write_whole(tmp_path / "file", "x")
    with pytest.raises(UsageError, match="can't write"):
        write_whole(tmp_path / "file" / ("x" * 300), "x")
