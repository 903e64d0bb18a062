"""Damaged and killed indexes: healed from the history, or one clear line; never a wrong answer in silence."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from churn_agent.errors import IndexBusy, StoreUnavailable
from churn_agent.index import health
from churn_agent.index.vectors import FOLDER, Index
from tests.index.letters import Letters
from tests.index.writer import fill, texts

N = 1500
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = tmp_path_factory.mktemp("made")
    fill(store, N)
    return store


@pytest.fixture
def store(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy", copy_function=shutil.copy2)
    return tmp_path / "copy"


def holds_everything(store):
    wanted = texts(N)
    with closing(Index(store)) as index:
        found = index.vectors(wanted)
        assert index.text_ids() == set(wanted) == set(found)
    for id_, vectors in zip(wanted, Letters().encode(wanted.values()), strict=True):
        np.testing.assert_allclose(found[id_], vectors, atol=1e-6)


def cut(pattern):
    def damage(folder):
        for path in folder.glob(pattern):
            os.truncate(path, path.stat().st_size // 2)

    return damage


def drop_segments(folder):
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def garbage(pattern):
    def damage(folder):
        for path in folder.glob(pattern):
            path.write_bytes(b"garbage" * (path.stat().st_size // 7))

    return damage


DAMAGES = {
    "truncate-links": cut("*/link_lists.bin"),
    "truncate-level0": cut("*/data_level0.bin"),
    "drop-segment": drop_segments,
    "garbage in the database": garbage("chroma.sqlite3"),
    "half a database": cut("chroma.sqlite3"),
    "garbage in the header": garbage("*/header.bin"),
    "no card": lambda folder: (folder / health.MANIFEST).unlink(),
    "half a card": cut(health.MANIFEST),
}
TRIED_FIRST = {"truncate-links", "garbage in the database", "no card"}


@pytest.mark.parametrize(
    "damage", [name if name in TRIED_FIRST else pytest.param(name, marks=pytest.mark.slow) for name in DAMAGES]
)
def test_a_damaged_index_is_rebuilt_from_the_history(store, damage):
    DAMAGES[damage](store / FOLDER)
    said = []
    fill(store, N, said.append)
    holds_everything(store)
    assert any("damaged" in what for what in said)


@pytest.mark.parametrize("mode", ["truncate-links", "truncate-level0", "drop-segment"])
def test_what_the_damage_script_makes_is_healed(store, data, mode):
    script = data / "adversarial/damage_store.py"
    subprocess.run([sys.executable, str(script), str(store / FOLDER), mode], check=True, capture_output=True)
    fill(store, N)
    holds_everything(store)


def test_a_sound_index_is_not_read_twice(store):
    said = []
    with closing(Index(store, notify=said.append)) as index:
        assert len(index.vectors(texts(10))) == 10
    assert said == []


@pytest.mark.parametrize("damage", ["truncate-links", pytest.param("drop-segment", marks=pytest.mark.slow)])
def test_an_inspection_finds_what_a_glance_does_not(store, damage):
    index = Index(store)
    index.inspect()
    DAMAGES[damage](store / FOLDER)
    with pytest.raises(StoreUnavailable, match="index --rebuild"):
        index.inspect()


def test_a_native_crash_is_an_answer(store, monkeypatch):
    monkeypatch.setattr(health, "_TRY", "import os; os.abort()")
    assert not health.is_sound(store / FOLDER, left={})


def test_a_second_user_is_told_in_time(store):
    with closing(Index(store)) as index:
        index.vectors(texts(1))
        code = (
            "import sys, time; from pathlib import Path; from churn_agent.index.vectors import Index\n"
            "began = time.monotonic()\n"
            "try: Index(Path(sys.argv[1])).text_ids()\n"
            "except Exception as error: print(type(error).__name__, time.monotonic() - began < 10)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, str(store)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [IndexBusy.__name__, "True"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))])
def test_after_a_kill_at_any_moment_the_index_is_one_to_one(tmp_path, seed):
    """Killed again and again while it is filled, at random."""
    rng = random.Random(seed)  # noqa: S311
    for _ in range(2):
        command = [sys.executable, "-m", "tests.index.writer", str(tmp_path), str(N)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
            child.stdout.readline()
            time.sleep(rng.uniform(0.5, 2.5))
            child.send_signal(signal.SIGKILL)
    fill(tmp_path, N)
    holds_everything(tmp_path)


def test_a_dotenv_file_does_not_lead_the_index_to_another_host(store, tmp_path):
    (tmp_path / ".env").write_text(
        "CHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\nCHROMA_SERVER_HOST=127.0.0.1\nCHROMA_SERVER_HTTP_PORT=9\n"
    )
    holds_everything(store)


@pytest.mark.slow
def test_a_dotenv_file_that_chroma_cannot_read_leaves_the_index_alone(store, tmp_path):
    (tmp_path / ".env").write_text("IS_PERSISTENT=perhaps\n")
    (next((store / FOLDER).glob("*/*.bin"))).touch()  # so that it is checked
    code = (
        "import sys; from pathlib import Path; from churn_agent.index.vectors import Index\n"
        "try: Index(Path(sys.argv[1])).text_ids()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, store], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("StoreUnavailable Chroma cannot use IS_PERSISTENT from '.env'")
    (tmp_path / ".env").unlink()
    assert not list(store.glob(f"{FOLDER}-damaged-*"))
    holds_everything(store)


def test_a_check_imports_nothing_from_the_working_folder(store, tmp_path):
    (tmp_path / "chromadb.py").write_text("raise SystemExit(9)")
    assert health.is_sound(store / FOLDER, left={})
