"""Task files for a CRM, and states that come back: nothing is doubled, wiped or lost."""

import csv
import io
from datetime import date

import pytest

from churn_agent.errors import FileFormatError
from churn_agent.followup.editing import Edit, edit
from churn_agent.followup.exporting import HEADINGS, THEIRS, export
from churn_agent.followup.importing import import_states
from churn_agent.followup.items import item, items
from churn_agent.followup.syncing import sync
from churn_agent.history import tasks

from .conftest import TODAY, later, open_agent


@pytest.fixture
def task(agent):
    sync(agent.store)
    return items(agent.store, customer="c-1")[0].task


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def write(path, *rows):
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("layout", HEADINGS)
def test_a_new_item_is_exported_once_with_key_reasons_owner_and_due_day(agent, task, tmp_path, layout):
    done = export(agent.store, tmp_path / "a.csv", layout=layout)
    assert (done.rows, done.new, done.changed) == (len(items(agent.store)), done.rows, 0)
    [row] = [row for row in rows_of(tmp_path / "a.csv") if task.key in row.values()]
    named = {name: row[HEADINGS[layout].get(name, name)] for name in ("customer_id", "owner", "due_date", "subject")}
    assert named == {
        "customer_id": "c-1", "owner": "Ana", "due_date": "2026-03-03", "subject": "Risk of leaving: c-1",
    }  # fmt: skip
    assert export(agent.store, tmp_path / "b.csv", layout=layout).rows == 0


def test_customers_words_leave_only_if_asked_for(agent, task, tmp_path):
    export(agent.store, tmp_path / "a.csv")
    assert "I will cancel my contract" not in (tmp_path / "a.csv").read_text()
    export(agent.store, tmp_path / "b.csv", part="all", words=True)
    assert "I will cancel my contract" in (tmp_path / "b.csv").read_text()


def test_counting_notes_nothing(agent, task, tmp_path):
    counted = export(agent.store, None)
    assert counted.new == len(items(agent.store))
    assert export(agent.store, tmp_path / "a.csv").rows == counted.new


def test_changes_have_only_our_columns_and_no_empty_cell(store, tmp_path):
    """Whether the CRM keeps or clears a field for an empty cell, nothing of people's is lost."""
    with open_agent(store) as agent:
        sync(agent.store)
        export(agent.store, tmp_path / "a.csv")
        crm = {row["key"]: dict(row, owner="Zoe", state="In Progress") for row in rows_of(tmp_path / "a.csv")}
        assert export(agent.store, tmp_path / "none.csv", part="changes").rows == 0
    later(
        store, tmp_path, date(2026, 3, 8), 'c-1,2026-03-05,chat,inbound,"I withdraw my cancellation, I want to stay."'
    )
    with open_agent(store) as agent:
        sync(agent.store)
        done = export(agent.store, tmp_path / "b.csv", part="changes")
        assert (done.rows >= 1, done.empty) == (True, 0)
        rows = rows_of(tmp_path / "b.csv")
        assert all(not set(THEIRS) & row.keys() and all(row.values()) for row in rows)
        for keeps_empty in (True, False):
            loaded = {key: dict(row) for key, row in crm.items()}
            for row in rows:
                loaded[row["key"]] |= {name: value for name, value in row.items() if value or not keeps_empty}
            assert {(row["owner"], row["state"]) for row in loaded.values()} == {("Zoe", "In Progress")}
        assert "no longer true since 2026-03-08" in " ".join(row["reasons"] for row in rows)
        assert export(agent.store, tmp_path / "c.csv", part="changes").rows == 0


def test_empty_cells_of_items_that_are_there_already_are_counted(agent, task, tmp_path):
    with agent.history.begin() as connection:
        tasks.change(connection, task, {"owner": None})
    assert export(agent.store, tmp_path / "a.csv").empty == 0  # new over there: there is nothing to clear
    assert export(agent.store, None, part="all").empty == 1


@pytest.mark.parametrize("layout", HEADINGS)
def test_our_own_file_coming_back_changes_nothing(agent, task, tmp_path, layout):
    """Our own write is not news: no item counts as touched, nothing is logged."""
    export(agent.store, tmp_path / "a.csv", layout=layout)
    before = tasks.read(agent.history)
    done = import_states(agent.store, tmp_path / "a.csv", today=TODAY)
    assert (done.changed, done.refused, done.undecided) == (0, (), ())
    assert tasks.read(agent.history) == before
    assert len(item(agent.store, task.number)[1]) == 1


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("In Progress", "working"), ("IN_PROGRESS", "working"), ("in Arbeit", "working"), ("Saved", "saved"),
        ("verloren", "lost"), ("False-Alarm", "false alarm"), ("accepted", "accepted"), ("Not Started", "open"),
    ],
)  # fmt: skip
def test_states_come_back_in_the_words_of_the_crm(agent, task, tmp_path, words, state):
    file = write(tmp_path / "a.csv", "Churn_Agent_Key__c;Status", f"{task.key};{words}")
    assert import_states(agent.store, file, today=TODAY).refused == ()
    assert item(agent.store, task.number)[0].task.state == state


def test_empty_cells_change_nothing_and_the_same_file_changes_nothing_again(agent, task, tmp_path):
    file = write(tmp_path / "a.csv", "key,state,owner,due_date,note", f"{task.key},working,,,met them")
    assert import_states(agent.store, file, today=TODAY).changed == 1
    now = item(agent.store, task.number)[0].task
    assert (now.owner, now.due, now.owner_set) == (task.owner, task.due, False)
    again = write(tmp_path / "b.csv", "key,state,owner,due_date", f"{task.key},working,,")
    assert import_states(agent.store, again, today=TODAY).changed == 0


def test_done_without_a_result_is_not_taken_for_saved(agent, task, tmp_path):
    file = write(tmp_path / "a.csv", "key,Status", f"{task.key},Completed")
    done = import_states(agent.store, file, today=TODAY)
    assert done.undecided == (task.number,)
    assert item(agent.store, task.number)[0].task.state == "working"
    file = write(tmp_path / "b.csv", "key,Status,Result,reason_code", f"{task.key},Completed,lost,price")
    assert import_states(agent.store, file, today=TODAY).undecided == ()
    now = item(agent.store, task.number)[0].task
    assert (now.state, now.code) == ("lost", "price")


BAD = ("nobody,lost,", "{key},unheard of,", "{key},lost,no such code", ",lost,", "{key},lost,price,one more")


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_row_is_named_and_the_others_arrive(agent, task, tmp_path, bad):
    with agent.history.begin() as connection:
        days = dict.fromkeys(("opened_on", "as_of", "checked_on"), TODAY)
        values = {"customer_id": "c-2", "state": "open", "rules": ["high_risk"], "run_id": "r", **days}
        other = tasks.add(connection, values, [])
    good = tasks.read(agent.history)[-1].key
    file = write(tmp_path / "a.csv", "key,state,code", bad.format(key=task.key), f"{good},saved,renewed")
    done = import_states(agent.store, file, today=TODAY)
    assert (done.changed, [row.line for row in done.refused]) == (1, [2])
    assert item(agent.store, other)[0].task.state == "saved"
    assert item(agent.store, task.number)[0].task == task


def test_one_item_twice_with_other_values_is_refused(agent, task, tmp_path):
    file = write(tmp_path / "a.csv", "key,state", f"{task.key},lost", f"{task.key},saved")
    done = import_states(agent.store, file, today=TODAY)
    assert (done.changed, [row.line for row in done.refused]) == (1, [3])


def test_a_task_that_is_still_new_over_there_reopens_nothing(agent, task, tmp_path):
    edit(agent.store, task.number, Edit(state="saved", code="renewed"), today=TODAY)
    file = write(tmp_path / "a.csv", "key,state", f"{task.key},Not Started")
    assert import_states(agent.store, file, today=TODAY).changed == 0
    assert item(agent.store, task.number)[0].task.state == "saved"


def test_two_decisions_that_contradict_each_other_are_refused(agent, task, tmp_path):
    edit(agent.store, task.number, Edit(state="saved", code="renewed"), today=TODAY)
    file = write(tmp_path / "a.csv", "key,state", f"{task.key},lost")
    [refused] = import_states(agent.store, file, today=TODAY).refused
    assert "is closed as 'saved' here" in refused.why


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\n1,2\n", "no column with the key"), ("key,b\n1,2\n", "no column to import"), ("key,state\n", "no rows")],
)
def test_a_file_that_is_no_task_file_is_refused(agent, tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FileFormatError, match=said):
        import_states(agent.store, tmp_path / "a.csv", today=TODAY)


def test_a_name_like_a_formula_is_harmless_in_a_spreadsheet(agent, task, tmp_path):
    people = write(tmp_path / "p.csv", "customer_id,name,owner", 'c-1,"=HYPERLINK(1)",@Ana')
    agent.ingest([], customers=people)
    export(agent.store, tmp_path / "a.csv", part="all")
    cells = [cell for row in rows_of(tmp_path / "a.csv") for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
