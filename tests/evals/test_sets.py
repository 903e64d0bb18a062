"""Labelled sets: found, described, drawn from and split."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.errors import DataError, InputError
from churn_agent.evals.sets import labelled as sets
from churn_agent.outcomes.samples import Sample, fingerprint
from churn_agent.settings import Settings

samples = st.lists(
    st.builds(
        Sample,
        st.integers(0, 60).map(str),
        st.integers(0, 5).map(lambda n: date(2026, 1, 1) + timedelta(days=30 * n)),
        st.booleans(),
    ),
    min_size=4,
    max_size=80,
    unique_by=lambda sample: sample.id,
)


def many(n, churned):
    return [Sample(f"c{i}", date(2026, 1, 1), i < churned) for i in range(n)]


def test_every_known_set_has_a_card_that_says_what_churn_means_and_where_it_is_from():
    for name, description in sets.list_descriptions().items():
        assert description.book.churn_means, name
        assert description.origin != "unknown", name
        assert description.licence != "unknown", name


@given(samples, st.sampled_from(["customer", "time"]))
def test_no_customer_is_on_both_sides_of_a_split(drawn, how):
    development, test = sets.split(drawn, how)
    assert not {drawn[i].customer_id for i in development} & {drawn[i].customer_id for i in test}
    assert (development, test) == sets.split(drawn, how)


def test_a_split_by_customer_keeps_the_base_rate():
    drawn = many(200, 50)
    development, test = sets.split(drawn, "customer")
    assert (len(development), len(test)) == (80, 120)
    assert sum(drawn[i].churned for i in development) == 20


def test_a_split_by_time_tests_on_later_dates():
    drawn = [Sample(f"c{i}", date(2026, 1, 1) + timedelta(days=i), i % 2 == 0) for i in range(50)]
    development, test = sets.split(drawn, "time")
    assert max(drawn[i].as_of for i in development) < min(drawn[i].as_of for i in test)


@given(samples, st.integers(4, 60))
def test_a_draw_is_no_larger_than_asked_for_and_always_the_same(drawn, n):
    chosen = sets.draw(drawn, n)
    assert len(chosen) == min(n, len(drawn)) or {s.churned for s in drawn} != {True, False}
    assert chosen == sets.draw(drawn, n)
    assert chosen != []
    assert set(chosen) <= set(drawn)


def test_a_draw_is_stratified():
    chosen = sets.draw(many(300, 60), 50)
    assert (len(chosen), sum(sample.churned for sample in chosen)) == (50, 10)


def test_a_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no set 'nowhere'"):
        sets.find_set("nowhere", near=tmp_path)


def test_a_set_is_found_by_path_by_name_and_in_the_folder_of_sets(book_folder, tmp_path):
    for name, near, sets_dir in (
        (str(book_folder), tmp_path, None),
        ("book", book_folder.parent, None),
        ("book", tmp_path, book_folder.parent),
    ):
        assert sets.find_set(name, near=near, sets_dir=sets_dir).folder == book_folder.resolve()


def test_sets_that_are_here_are_listed_with_their_folder(book_folder, cli, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_SETS_DIR", str(book_folder.parent))
    found = {each["name"]: each["here"] for each in json.loads(cli("eval", "sets", "--json").out)}
    assert found["book"] == str(book_folder)
    assert found["hard_cases"].endswith("hard_cases")
    assert found["telco_ibm"] is None


def test_a_set_of_one_outcome_is_refused(book_folder, tmp_path):
    labelled = sets.find_set(str(book_folder), near=tmp_path)
    with labelled.open(tmp_path / "s", Settings.load()) as agent:
        everybody = labelled.samples(agent)
        assert len(everybody) == 60
        with agent.history.begin() as connection:
            connection.exec_driver_sql("update labels set churned = 0")
        with pytest.raises(DataError, match="0 churned of 60"):
            labelled.samples(agent)


def test_the_fingerprint_knows_samples_and_outcomes():
    assert fingerprint(many(5, 2)) == fingerprint(many(5, 2))
    assert fingerprint(many(5, 2)) != fingerprint(many(5, 3))
