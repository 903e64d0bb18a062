"""Folders that cannot be written. The tests may run as root, to whom permissions mean nothing: a file stands in the way,
or the operating system's own error is raised where files are made."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from churn_agent.errors import StoreUnavailable, Unavailable
from churn_agent.files.writability import obstacle
from churn_agent.index import vectors
from churn_agent.models import weights
from churn_agent.models.gguf.prefixes import WORTH_KEEPING, PrefixFiles


@pytest.fixture
def read_only(monkeypatch):
    """Makes a folder one of a file system that is mounted for reading only, for what this program does in it."""

    def make(folder):
        def refuse(path, *_, **__):
            if Path(path).is_relative_to(folder):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

        def guarded(real, of=lambda arguments: arguments[0]):
            def call(*arguments, **options):
                refuse(of(arguments))
                return real(*arguments, **options)

            return call

        real = tempfile.TemporaryFile
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: refuse(options["dir"]) or real(**options))
        for name in ("mkdir", "touch", "unlink", "write_text", "write_bytes", "rename", "replace"):
            monkeypatch.setattr(Path, name, guarded(getattr(Path, name)))
        monkeypatch.setattr(FileLock, "_acquire", guarded(FileLock._acquire, lambda arguments: arguments[0].lock_file))

    return make


def test_a_folder_that_can_be_written_or_made_has_no_obstacle(tmp_path):
    assert obstacle(tmp_path) is None
    assert obstacle(tmp_path / "not" / "yet") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_obstacle(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert obstacle(tmp_path / "file") == "Not a directory"
    assert obstacle(tmp_path / "file" / "below") == "Not a directory"
    assert obstacle(tmp_path / "link") is not None


def problems(result):
    return [line for line in result.out.splitlines() if "PROBLEM" in line]


def test_doctor_on_a_store_that_cannot_be_written(cli, tmp_path, monkeypatch, read_only):
    store = tmp_path / "store"
    (tmp_path / "a.csv").write_text("customer_id,timestamp,channel,text\nc,2026-02-01,chat,hello\n")
    assert cli("ingest", tmp_path / "a.csv", "--unknown-is", "customer").code == 0
    (store / "index").mkdir()
    (store / "index" / "index.json").write_text('{"embedder": "x", "revision": "1"}')
    read_only(store)
    result = cli("doctor")
    assert result.code == 4
    assert f"PROBLEM: cannot write to '{store}': Read-only file system" in result.out
    assert f"PROBLEM: cannot write to the store '{store}': Read-only file system" in result.out
    assert "next: set CHURN_AGENT_STORE to a writable folder" in result.out


@pytest.mark.parametrize("below", ["", "below"])
def test_doctor_on_folders_where_files_stand(cli, tmp_path, monkeypatch, below):
    (tmp_path / "file").write_text("")
    for name in ("CHURN_AGENT_STORE", "CHURN_AGENT_MODELS_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "file" / below))
    result = cli("doctor")
    assert result.code == 4
    assert [line.split()[0] for line in problems(result)] == ["store", "model", "weights", "weights"]
    assert result.err == ""
    again = cli("doctor", "--json")
    assert (again.code, again.json["healthy"]) == (4, False)


def test_doctor_on_a_model_folder_that_cannot_be_written(cli, tmp_path, monkeypatch, read_only):
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(models))
    read_only(models)
    result = cli("doctor")
    assert result.code == 4
    assert f"PROBLEM: cannot write to the model folder '{models}': Read-only file system" in result.out
    assert "next: set CHURN_AGENT_MODELS_DIR to a folder that can be written" in result.out


def test_doctor_is_content_with_a_read_only_model_folder_that_lacks_nothing(cli, tmp_path, monkeypatch, read_only):
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(models))
    monkeypatch.setattr(weights, "find", lambda name, folder: folder / name)
    read_only(models)
    result = cli("doctor")
    assert (result.code, problems(result)) == (0, [])
    assert "(not writable: Read-only file system; prompt prefixes are not cached)" in result.out


def test_pull_says_at_once_that_the_model_folder_cannot_be_written(cli, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHURN_AGENT_MODELS_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(weights, "_pull_from_hub", lambda *_: pytest.fail("something was fetched"))
    with pytest.raises(Unavailable, match="CHURN_AGENT_MODELS_DIR"):
        weights.pull("multilingual-e5-small-q4", tmp_path / "file")
    assert cli("models", "pull").code == 4


def test_an_index_that_cannot_be_locked_is_one_line(tmp_path, read_only):
    index = vectors.Index(tmp_path / "store")
    read_only(tmp_path / "store")
    with pytest.raises(StoreUnavailable, match=r"cannot write to the store .*Read-only"):
        index.inspect()


def test_kept_prefixes_serve_where_they_cannot_be_written(tmp_path, read_only):
    def kept(folder):
        return PrefixFiles(folder, build="b", most_bytes=1000)

    def save(path):
        path.open("w").close()
        return True

    folder, tokens = tmp_path / "prefixes", list(range(WORTH_KEEPING))
    kept(folder).write(tokens, save)
    damaged = [*tokens, 1]
    kept(folder).write(damaged, save)
    for path in folder.glob("*.sha256"):
        if path.stem != kept(folder)._path(tokens).stem:
            path.write_text("0")
    read_only(folder)
    assert kept(folder).read(tokens, lambda path: True)
    assert not kept(folder).read(damaged, lambda path: True)
    kept(folder).write([*tokens, 2], save)


def test_prefixes_are_not_kept_where_a_file_stands(tmp_path):
    (tmp_path / "file").write_text("")
    files = PrefixFiles(tmp_path / "file" / "prefixes", build="b", most_bytes=1000)
    tokens = list(range(WORTH_KEEPING))
    files.write(tokens, lambda path: True)
    assert not files.read(tokens, lambda path: True)
