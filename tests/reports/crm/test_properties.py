"""Property files for a CRM: differences only, no empty cell, no field that people fill in."""

import csv
import io

import pytest

from churn_agent.errors import FileFormatError, InputError
from churn_agent.history import runs
from churn_agent.reports.crm.properties import CRMS, KEYS, PROPERTIES, property_file
from tests.conftest import write_csv
from tests.reports.portfolio.conftest import LEAVES, open_agent


@pytest.fixture
def agent(store):
    with open_agent(store) as opened:
        yield opened


def made(agent, crm="hubspot", name="latest", **more):
    return property_file(agent.store, runs.find(agent.history, name), crm, **more)


def rows(file):
    return list(csv.DictReader(io.StringIO(file.to_csv(), newline="")))


def imported(crm_table, file, key, *, blank_clears):
    """What the CRM has after the import, by its rule for blank cells."""
    after = {id_: dict(row) for id_, row in crm_table.items()}
    for row in rows(file):
        for name, value in row.items():
            if value or blank_clears:
                after.setdefault(row[key], {})[name] = value
    return after


def saved(path, crm_table, key):
    names = list(dict.fromkeys(name for row in crm_table.values() for name in row if name != key))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([key, *names])
        writer.writerows([[id_, *(row.get(name, "") for name in names)] for id_, row in crm_table.items()])
    return path


@pytest.mark.parametrize("crm", CRMS)
def test_every_cell_is_filled_and_words_stay(agent, crm):
    file = made(agent, crm)
    assert file.columns[0] == KEYS[crm]
    assert len(rows(file)) == len(file.changes) + file.unchanged == 6 - file.without_number
    assert all(value for row in rows(file) for value in row.values())
    assert LEAVES not in file.to_csv()
    assert LEAVES in made(agent, crm, words=True).to_csv()
    assert PROPERTIES["probability"].name(crm) not in file.columns  # nothing is calibrated


@pytest.mark.parametrize("blank_clears", [True, False])
def test_a_file_of_differences_loses_nothing_under_either_rule_for_blank_cells(agent, tmp_path, blank_clears):
    key = KEYS["hubspot"]
    first = agent.store.runs()[-1].id
    theirs = {f"c-{n}": {key: f"c-{n}", "Owner's notes": f"call {n}"} for n in range(1, 7)}
    before = imported(theirs, made(agent, name=first), key, blank_clears=blank_clears)
    file = made(agent, against=saved(tmp_path / "export.csv", before, key))
    assert "c-1" in {change.customer_id for change in file.changes}
    assert file.cleared == 0
    after = imported(before, file, key, blank_clears=blank_clears)
    assert all(after[id_][name] for id_, row in before.items() for name in row)
    assert [after[id_]["Owner's notes"] for id_ in theirs] == [f"call {n}" for n in range(1, 7)]
    assert after["c-1"]["Churn notice given"] == "true"
    again = made(agent, against=saved(tmp_path / "export.csv", after, key))
    assert (again.changes, again.records) == ([], [])


def test_customers_whom_the_crm_does_not_have_are_counted_and_left_out(agent, tmp_path):
    export = write_csv(tmp_path / "export.csv", "c-1,x", header="Record ID,Name")
    file = made(agent, against=export)
    assert ([row["Record ID"] for row in rows(file)], file.not_there) == (["c-1"], 5 - file.without_number)


def test_numbers_of_a_spreadsheet_are_the_same_numbers(agent, tmp_path):
    exported = {row["Record ID"]: {**row, "Churn score": f"{row['Churn score']}.00"} for row in rows(made(agent))}
    assert not made(agent, against=saved(tmp_path / "export.csv", exported, "Record ID")).changes


def test_a_customer_without_a_number_is_not_in_the_file(agent, monkeypatch):
    assert made(agent).without_number == 0
    from churn_agent.reports.crm import properties

    real = properties.building.build

    def without_one(*given, **more):
        portfolio = real(*given, **more)
        for account in portfolio.accounts:
            if account.assessment.customer_id == "c-2":
                abstained = account.assessment.model_copy(update={"churn_probability": None, "status": "abstained"})
                object.__setattr__(account, "assessment", abstained)
        return portfolio

    monkeypatch.setattr(properties.building, "build", without_one)
    file = made(agent)
    assert file.without_number == 1
    assert "c-2" not in file.to_csv()


def test_ids_of_the_crm_come_from_an_attribute(agent):
    with pytest.raises(InputError, match="the same id in the CRM"):
        made(agent, key_attribute="owner")
    file = made(agent, key_attribute="renewal_date", key="Account")
    assert file.columns[0] == "Account"
    assert file.without_key == 1


def test_an_export_without_the_key_or_with_a_record_twice_is_refused(agent, tmp_path):
    with pytest.raises(FileFormatError, match="no column 'Record ID'"):
        made(agent, against=write_csv(tmp_path / "a.csv", "c-1", header="Id"))
    with pytest.raises(FileFormatError, match="a second row for 'c-1'"):
        made(agent, against=write_csv(tmp_path / "b.csv", "c-1,1", "c-1,2", header="Record ID,Churn score"))
