"""No table and no file in a store that is not listed."""

import os
from fnmatch import fnmatch

import pytest

from churn_agent.history.tables import metadata
from churn_agent.store import places
from churn_agent.store.store import Store
from tests.conftest import write_csv
from tests.history.test_migrating import old_store
from tests.index.letters import Letters
from tests.store.forgetting_case import forget_and_die, rebuild_and_die, run, write_and_die


def test_every_table_is_listed():
    listed = [place.name for place in places.PLACES if place.kind == "table"]
    assert sorted(listed) == sorted(metadata.tables)


def test_places_have_names_of_their_own_and_say_what_they_hold():
    assert len({place.name for place in places.PLACES}) == len(places.PLACES)
    for place in places.PLACES:
        assert place.holds
        assert place.forgotten
        assert bool(place.paths) == (place.kind in ("file", "copy")), place.name


def files_of(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_every_file_of_a_store_is_listed_and_every_listed_file_is_made(cli, tmp_path, book_folder, monkeypatch):
    monkeypatch.setattr(Store, "embedder", Letters())
    store, demo = old_store(tmp_path / "store"), tmp_path / "demo"  # a migration leaves its copy
    model = ("--model", "scripted")
    bad = write_csv(tmp_path / "bad.csv", "c-1,some day,chat,no time", "c-1,2026-01-01,chat,hello")
    for folder, *arguments in (
        (store, "ingest", book_folder),
        (store, "ingest", bad),
        (store, "index"),
        (store, "train", "rfm", *model),
        (store, "batch", "--limit", 3, *model),
        (store, "lookback", "--limit", 3, "--months", 3, *model),
        (store, "weekly", "--deep-top", "3", "-o", tmp_path / "weekly", *model),
        (store, "report", "-o", tmp_path / "report.html", *model),
        (demo, "demo", "--customers", 3, *model),
    ):
        done = cli("--store", folder, *arguments)
        assert done.code == 0, done.err
    [vectors] = (store / "index").rglob("data_level0.bin")
    os.truncate(vectors, vectors.stat().st_size // 2)
    assert "set aside" in cli("--store", store, "search", "hello").err
    assert cli("--store", store, "index").code == 0
    assert run(rebuild_and_die, store) == run(write_and_die, store) == 9
    files = files_of(store) | files_of(demo)  # before copies are removed
    assert run(forget_and_die, store, "feedback", "after", "c-1") == 9
    files |= files_of(store)
    assert places.not_listed(store) == places.not_listed(demo) == []
    for place in places.PLACES:
        if place.paths:
            assert any(fnmatch(file, pattern) for file in files for pattern in place.paths), place.name
