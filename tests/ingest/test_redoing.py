"""An import is made again only if nothing is lost by it: not newer values, and not the rows of a file that changed."""

from functools import partial

import pytest

from churn_agent.errors import InputError
from tests.conftest import write_csv
from tests.ingest.test_sync import HEADER, dump, rows_of

LOGINS = "customer_id,date,metric,value"


@pytest.fixture
def store(agent):
    return agent.settings.store


@pytest.fixture
def other_mapping(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("ignore: [status]\n")
    return path


@pytest.fixture
def first_week(tmp_path):
    return write_csv(tmp_path / "week1.csv", *rows_of("open", "open"), header=HEADER)


@pytest.mark.parametrize("how", ["redo", "redo with another mapping", "import with another mapping"])
def test_an_older_import_does_not_replace_newer_values(agent, store, tmp_path, first_week, other_mapping, how):
    agent.ingest(first_week)
    agent.ingest(write_csv(tmp_path / "week2.csv", *rows_of("closed"), header=HEADER))
    before = dump(store)
    mapping = other_mapping if "another" in how else None
    again = partial(agent.ingest, first_week) if how.startswith("import") else partial(agent.store.redo_import, 1)
    with pytest.raises(InputError, match="churn-agent imports undo 2; afterwards"):
        again(mapping=mapping)
    assert dump(store) == before
    agent.store.undo_import(2)
    agent.store.redo_import(1, mapping=other_mapping)
    assert {row.metadata.get("status") for row in agent.snapshot("c-1").interactions} == {None}


@pytest.mark.parametrize(
    ("kind", "header", "rows"),
    [
        ("customers", "customer_id,plan", ("c-1,gold", "c-1,silver")),
        ("labels", "customer_id,as_of,churned", ("c-1,2026-03-01,0", "c-1,2026-03-01,1")),
        ("measurements", LOGINS, ("c-1,2026-02-01,logins,3", "c-1,2026-02-01,logins,4")),
    ],
)
def test_values_about_customers_are_not_replaced_either(agent, store, tmp_path, first_week, kind, header, rows):
    one, two = (write_csv(tmp_path / f"{n}.csv", row, header=header) for n, row in enumerate(rows))
    agent.ingest(first_week, **{kind: one})
    agent.ingest([], **{kind: two})
    before = dump(store)
    with pytest.raises(InputError, match="imports undo 2"):
        agent.store.redo_import(1)
    assert dump(store) == before


def test_an_older_import_without_newer_values_is_made_again(agent, tmp_path, first_week, other_mapping):
    agent.ingest(first_week)
    agent.ingest(write_csv(tmp_path / "other.csv", "x,c-2,2026-02-01,chat,inbound,hi,open", header=HEADER))
    assert agent.store.redo_import(1, mapping=other_mapping).import_id == 3
    assert [row.metadata.get("status") for row in agent.snapshot("c-1").interactions] == [None, None]


def test_a_file_that_changed_is_not_read_in_place_of_the_old_one(agent, store, tmp_path, first_week, other_mapping):
    people = write_csv(tmp_path / "people.csv", "c-1,gold", header="customer_id,plan")
    agent.ingest(first_week, customers=people)
    before, content = dump(store), first_week.read_text()
    for path, new in ((first_week, content.replace("message", "letter")), (people, "customer_id,plan\nc-1,tin\n")):
        old = path.read_text()
        path.write_text(new)
        with pytest.raises(InputError, match=f"{path.name} has changed since import 1"):
            agent.store.redo_import(1, mapping=other_mapping)
        assert dump(store) == before
        path.write_text(old)
    agent.store.redo_import(1, mapping=other_mapping)
