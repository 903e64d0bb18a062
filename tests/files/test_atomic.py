import os
import subprocess
import sys

import pytest

from churn_agent.errors import InputError
from churn_agent.files import atomic


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    atomic.write(path, "old")
    atomic.write(path, "new\r\nü")
    assert path.read_bytes() == "new\r\nü".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_who_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic.replacing(path) as scratch:
            scratch.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_half_way_leaves_the_old_file_and_is_no_hindrance(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, sys; from pathlib import Path; from churn_agent.files import atomic\n"
        "with atomic.replacing(Path(sys.argv[1])) as scratch:\n"
        "    scratch.write_text('half'); os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert path.read_text() == "old"
    assert len(list(tmp_path.glob(f"a.txt.*{atomic.UNFINISHED}"))) == 1
    atomic.write(path, "new")
    assert path.read_text() == "new"


def test_two_writers_do_not_mix(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    with atomic.replacing(path) as first:
        first.write_text("first")
        monkeypatch.setattr(os, "getpid", lambda: -1)
        atomic.write(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    atomic.write(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_what_is_no_plain_file_is_written_to_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    atomic.write(pipe, "through a pipe")
    assert os.read(reader, 100) == b"through a pipe"
    os.close(reader)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*a\.txt"):
        atomic.save(tmp_path / "nowhere" / "a.txt", "text")


def test_a_private_file_is_read_by_the_user_alone(tmp_path):
    path = tmp_path / "a.txt"
    atomic.write(path, "secret", private=True)
    assert path.stat().st_mode & 0o777 == 0o600
