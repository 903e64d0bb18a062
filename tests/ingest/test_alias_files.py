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


def test_a_second_merge_moves_the_rows(agent, messages, tmp_path):
    """Of an id that was another customer's, the rows, the attributes, the labels and the measurements."""
    agent.ingest(write_csv(tmp_path / "c.csv", "c,2026-02-03,chat,three"))
    usage = write_csv(tmp_path / "m.csv", "a,2026-02-01,logins,3", header="customer_id,date,metric,value")
    agent.ingest([], measurements=usage)
    before = dump(agent.settings.store)
    agent.store.merge_customers("a", "b")
    assert agent.store.merge_customers("a", "c") == 1
    assert agent.store.aliases() == {"a": "c"}
    assert sizes(agent) == {"b": 1, "c": 2}
    assert [label.customer_id for label in agent.store.labels()] == ["c"]
    plans = {id_: agent.snapshot(id_).attributes.get("plan") for id_ in "bc"}
    assert plans == {"b": "silver", "c": "gold"}
    assert len(agent.snapshot("c").measurements) == 1
    agent.ingest(write_csv(tmp_path / "u.csv", "a,2026-02-04,chat,four"))
    assert sizes(agent) == {"b": 1, "c": 3}
    agent.store.undo_import(4)
    agent.store.split_customer("a")
    assert dump(agent.settings.store) == before


@pytest.mark.parametrize("by", ["an import", "a person"])
def test_taking_back_a_link_of_a_chain_gives_each_id_what_it_meant_before(agent, messages, tmp_path, by):
    merged(agent, tmp_path, "a,b", name="x.csv")
    before = dump(agent.settings.store)
    if by == "an import":
        merged(agent, tmp_path, "b,c", name="y.csv")
        assert (sizes(agent), agent.store.aliases()) == ({"c": 2}, {"a": "c", "b": "c"})
        agent.store.undo_import(3)
    else:
        agent.store.merge_customers("b", "c")
        assert (sizes(agent), agent.store.aliases()) == ({"c": 2}, {"a": "c", "b": "c"})
        assert agent.store.split_customer("b") == 2
    assert dump(agent.settings.store) == before
    assert sizes(agent) == {"b": 2}


def test_taking_back_the_first_link_of_a_chain_leaves_the_second(agent, messages, tmp_path):
    merged(agent, tmp_path, "a,b", name="x.csv")
    merged(agent, tmp_path, "b,c", name="y.csv")
    agent.store.undo_import(2)
    assert (sizes(agent), agent.store.aliases()) == ({"a": 1, "c": 1}, {"b": "c"})


def test_what_is_left_of_several_statements_is_never_a_circle(agent, messages, tmp_path):
    merged(agent, tmp_path, "a,b", name="x.csv")
    agent.store.split_customer("a")
    merged(agent, tmp_path, "a,c", name="y.csv")
    merged(agent, tmp_path, "b,a", name="z.csv")
    merged(agent, tmp_path, "c,d", "a,d", name="w.csv")
    for number in (3, 5, 4):
        agent.store.undo_import(number)
    assert (sizes(agent), agent.store.aliases()) == ({"a": 1, "b": 1}, {})


def test_a_split_also_takes_back_what_an_import_said(agent, messages, tmp_path):
    merged(agent, tmp_path, "a,b")
    agent.store.split_customer("a")
    agent.store.merge_customers("x", "y")
    assert agent.store.aliases() == {"x": "y"}
    assert sizes(agent) == {"a": 1, "b": 1}


def test_equal_amounts_of_two_ids_of_a_customer_are_added_up(agent, messages, tmp_path):
    card = tmp_path / "card.yaml"
    card.write_text("company: Acme\ncombine: {arr: sum}\n")
    people = write_csv(tmp_path / "p.csv", "a,100,x", "a,100,x", "b,100,x", header="customer_id,arr,team")
    agent.ingest([], customers=people, card=card)
    agent.store.merge_customers("a", "b")
    assert agent.snapshot("b").attributes["arr"] == "200"
    agent.store.split_customer("a")
    assert {agent.snapshot(id_).attributes["arr"] for id_ in "ab"} == {"100"}


def test_ids_of_one_customer_cannot_be_merged_again(agent, messages):
    agent.store.merge_customers("a", "b")
    for old, new in (("a", "b"), ("b", "a"), ("a", "a"), ("b", "b")):
        with pytest.raises(InputError, match="already refer to the same customer, 'b'"):
            agent.store.merge_customers(old, new)
