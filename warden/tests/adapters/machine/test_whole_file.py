"""A file that is written whole takes its place at once, or nothing of it is left."""

import os

import pytest

from warden.adapters.machine.whole_file import replace, whole_file


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_a_file_is_replaced_at_once_and_a_link_to_it_stays(tmp_path):
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    replace(str(link), "a: 2\r\n")
    assert real.read_bytes() == b"a: 2\r\n"
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["link.yaml", "real.yaml"]


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    file = tmp_path / "kept"
    file.write_text("before")
    with pytest.raises(TypeError), whole_file(str(file)) as out:
        out.writelines([b"half", None])
    assert file.read_text() == "before"
    assert names(tmp_path) == ["kept"]


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path):
    """In a container that is started again, processes have the numbers that they had before."""
    with whole_file(str(tmp_path / "krl")):
        (beside,) = names(tmp_path)
    (tmp_path / beside).write_bytes(b"half")
    with whole_file(str(tmp_path / "krl")) as out:
        out.write(b"whole")
    assert (tmp_path / "krl").read_bytes() == b"whole"


def test_a_new_file_takes_no_place_that_is_taken(tmp_path):
    file = tmp_path / "taken"
    file.write_text("before")
    with pytest.raises(FileExistsError), whole_file(str(file), new=True) as out:
        out.write(b"after")
    assert file.read_text() == "before"
    assert names(tmp_path) == ["taken"]


def test_the_mode_is_the_one_asked_for(tmp_path):
    with whole_file(str(tmp_path / "own"), 0o600) as out:
        out.write(b"mine")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o600


def test_no_file_takes_the_place_of_a_pipe_or_a_device(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(PermissionError), whole_file(str(pipe)) as out:
        out.write(b"x")
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]
