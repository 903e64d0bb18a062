"""Files of ids that mean the same customer: applied to what is there and to what comes, and undone with the import."""

import pytest

from churn_agent.errors import InputError
from tests.conftest import write_csv
from tests.ingest.test_sync import dump

ALIASES = "old,new"


@pytest.fixture
def messages(agent, tmp_path):
    rows = "a,2026-02-01,chat,one", "b,2026-02-02,chat,two"
    people = write_csv(tmp_path / "people.csv", "a,gold", "b,silver", header="customer_id,plan")
    labels = write_csv(tmp_path / "labels.csv", "a,2026-02-01,1", header="customer_id,as_of,churned")
    agent.ingest(write_csv(tmp_path / "t.csv", *rows), customers=people, labels=labels)


def merged(agent, tmp_path, *rows, name="aliases.csv"):
    return agent.ingest([], aliases=write_csv(tmp_path / name, *rows, header=ALIASES))


def sizes(agent):
    return {row.customer_id: row.interactions for row in agent.store.customers()}


def test_an_alias_holds_for_what_is_there_and_for_what_comes(agent, messages, tmp_path):
    assert merged(agent, tmp_path, "a,b").aliases == 1
    agent.ingest(write_csv(tmp_path / "u.csv", "a,2026-02-03,chat,three"))
    assert sizes(agent) == {"b": 3}
    assert [label.customer_id for label in agent.store.labels()] == ["b"]


def test_undoing_the_import_equals_never_having_made_it(agent, messages, tmp_path):
    before = dump(agent.settings.store)
    merged(agent, tmp_path, "a,b")
    agent.store.undo_import(2)
    assert dump(agent.settings.store) == before


@pytest.mark.parametrize("by", ["another import", "a person"])
def test_an_alias_stays_if_something_else_says_it_too(agent, messages, tmp_path, by):
    if by == "a person":
        agent.store.merge_customers("a", "b")
    merged(agent, tmp_path, "a,b", name="x.csv")
    number = agent.store.imports()[-1].id
    if by == "another import":
        merged(agent, tmp_path, "a,b", "c,d", name="y.csv")
    agent.store.undo_import(number)
    assert sizes(agent) == {"b": 2}
    agent.store.split_customer("a")
    assert sizes(agent) == {"a": 1, "b": 1}


def test_rows_that_contradict_are_rejected(agent, messages, tmp_path):
    summary = merged(agent, tmp_path, "a,b", "a,c", "b,a", "d,d", ",e")
    assert (summary.aliases, summary.rejected) == (1, 4)
    assert agent.store.aliases() == {"a": "b"}
    with pytest.raises(InputError, match="not an alias"):
        agent.store.split_customer("d")
