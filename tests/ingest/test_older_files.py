"""An older file that is imported again, or late, does not replace newer values."""

from itertools import permutations

import pytest

from churn_agent import ChurnAgent
from tests.conftest import write_csv
from tests.ingest.test_sync import HEADER, dump, rows_of

UPDATED = "message_id,customer_id,date,text,direction,status,updated_at"
WEEKS = (
    ["m1,c-1,2026-03-01,I wait,inbound,open,2026-03-02 10:00", "m2,c-1,2026-03-02,hello,inbound,open,2026-03-02 10:00"],
    ["m1,c-1,2026-03-01,I wait,inbound,solved,2026-03-09 10:00", "m3,c-1,2026-03-08,bye,inbound,open,2026-03-09 10:00"],
    ["m1,c-1,2026-03-01,I still wait,inbound,solved,2026-03-10 09:00"],
)


@pytest.fixture
def notes(agent, monkeypatch):
    lines = []
    monkeypatch.setattr(agent.store, "_notify", lines.append)
    return lines


@pytest.fixture
def weeks(tmp_path):
    return [write_csv(tmp_path / f"week{n}.csv", *rows, header=UPDATED) for n, rows in enumerate(WEEKS, start=1)]


def state(opened):
    return [(row.text, row.metadata) for row in opened.snapshot("c-1").interactions]


def test_the_same_files_again_leave_the_newer_values_of_later_imports(agent, tmp_path, notes):
    one = write_csv(tmp_path / "week1.csv", *rows_of("open", "open"), header=HEADER)
    two = write_csv(tmp_path / "week2.csv", *rows_of("closed"), header=HEADER)
    agent.ingest(one)
    agent.ingest(two)
    before = dump(agent.settings.store)
    for dry_run in (True, False):
        assert agent.ingest(one, dry_run=dry_run).import_id is None
    assert dump(agent.settings.store) == before
    assert [row.id for row in agent.store.imports()] == [1, 2]
    said = "import 1 had these files, and import 2 replaced some of their values by newer ones, which stay"
    assert said in notes[-1]
    assert notes[-1].endswith("churn-agent imports undo 2")


def test_the_same_files_again_are_imported_where_nothing_is_newer(agent, tmp_path, notes):
    one = write_csv(tmp_path / "a.csv", "c-1,2026-02-01 00:30,chat,hello")
    agent.ingest(one)
    agent.ingest(write_csv(tmp_path / "b.csv", "c-2,2026-02-01,chat,hello"))
    assert agent.ingest(one).import_id == 3


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:], ids=str)
def test_the_source_says_which_values_are_newer(agent, weeks, tmp_path, order):
    for n in order:
        agent.ingest(weeks[n])
    with ChurnAgent.open(tmp_path / "in order") as other:
        for week in weeks:
            other.ingest(week)
        assert state(agent) == state(other)


@pytest.mark.parametrize("order", [(1, 0), (2, 0), (2, 1, 0), (1, 0, 2), (0, 2, 1)], ids=str)
def test_undoing_an_import_equals_never_having_had_it_whichever_was_newer(weeks, tmp_path, order):
    for n, undone in enumerate(order, start=1):
        folder = tmp_path / f"{order}-{n}"
        with ChurnAgent.open(folder / "with") as all_, ChurnAgent.open(folder / "without") as others:
            for week in order:
                all_.ingest(weeks[week])
            for week in order:
                if week != undone:
                    others.ingest(weeks[week])
            all_.store.undo_import(n)
            assert state(all_) == state(others)


def test_older_rows_are_counted(cli, weeks):
    cli("ingest", weeks[1])
    result = cli("ingest", weeks[0])
    assert "1 row is older than what is stored, which stays\n" in result.out
    assert "outdated: 1\n" in cli("imports", "show", 2).out


def test_times_of_changes_are_compared_in_whatever_form_they_are_written(agent, tmp_path):
    header = UPDATED.replace("updated_at", "Last modified")
    for text, changed in (("new", "13/03/2026 10:00"), ("old", "02/03/2026 10:00"), ("newest", "13/03/2026 10:01")):
        row = f"m1,c-1,01/03/2026,{text} words,inbound,open,{changed}"
        agent.ingest(
            write_csv(tmp_path / f"{text}.csv", row, row.replace("m1", "x").replace("01/", "31/"), header=header)
        )
    text, metadata = state(agent)[0]
    assert (text, metadata["updated_at"]) == ("newest words", "2026-03-13T10:01:00")


def test_a_column_without_times_is_kept_as_it_is(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "a.csv", "m1,c-1,2026-03-01,hi,inbound,open,by Tim", header=UPDATED))
    [(text, metadata)] = state(agent)
    assert (text, metadata["updated_at"]) == ("hi", "by Tim")


def test_an_import_that_ends_before_the_one_it_changes_says_so(agent, tmp_path, notes):
    agent.ingest(write_csv(tmp_path / "week2.csv", *rows_of("closed", "open"), header=HEADER))
    agent.ingest(write_csv(tmp_path / "week1.csv", *rows_of("open"), header=HEADER))
    [note] = [note for note in notes if "if they are older" in note]
    assert note.startswith("values of import 1, which goes on to 2026-02-02, were replaced")
    assert note.endswith("churn-agent imports undo 2")
    notes.clear()
    agent.ingest(write_csv(tmp_path / "week3.csv", *rows_of("closed", "closed", "open"), header=HEADER))
    assert not [note for note in notes if "if they are older" in note]
