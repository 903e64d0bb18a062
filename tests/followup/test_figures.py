"""Figures say nothing about single people unless that is allowed: small groups are not shown, nor to be worked out."""

from datetime import date

import pytest

from churn_agent.errors import InputError
from churn_agent.followup.figures import ALL, OTHERS, figures
from churn_agent.history import tasks

from .conftest import open_agent

TODAY = date(2026, 3, 10)


def filled(agent, tmp_path, people):
    """Items of customers of segments with so many account managers each, every second one overdue."""
    lines = ["customer_id,segment,owner"]
    with agent.history.begin() as connection:
        for segment, n in people.items():
            for k in range(n):
                id_ = f"{segment}-{k}"
                lines.append(f"{id_},{segment},{segment} manager {k}")
                days = dict.fromkeys(("opened_on", "as_of", "checked_on"), date(2026, 3, 1))
                due = date(2026, 3, 9 + k % 2)
                values = {"customer_id": id_, "state": "open", "rules": [], "run_id": "r", "due": due, **days}
                tasks.add(connection, values | {"owner": f"{segment} manager {k}"}, [])
    (tmp_path / "people.csv").write_text("\n".join(lines))
    agent.ingest([], customers=tmp_path / "people.csv")


@pytest.mark.parametrize(
    ("people", "shown", "suppressed"),
    [
        ({"a": 6, "b": 5}, ["a", "b"], 0),
        ({"a": 6, "b": 3, "c": 3}, ["a", OTHERS], 2),  # six people together
        ({"a": 7, "b": 6, "c": 4}, ["a", OTHERS], 2),  # b goes with c, else c is the difference
        ({"a": 6, "b": 1}, [], 2),
        ({"a": 4}, [], 1),
    ],
)
def test_groups_under_five_are_neither_shown_nor_to_be_worked_out(agent, tmp_path, people, shown, suppressed):
    filled(agent, tmp_path, people)
    found = figures(agent.store, by="segment", today=TODAY)
    assert [group.name for group in found.groups] == [ALL, *shown]
    assert found.suppressed == suppressed
    assert found.groups[0].total == sum(people.values())
    assert found.groups[0].overdue == sum((n + 1) // 2 for n in people.values())


def test_figures_of_single_people_are_off_unless_they_are_allowed(store, tmp_path):
    with open_agent(store) as agent:
        filled(agent, tmp_path, {"a": 2})
        with pytest.raises(InputError, match="figures for each account manager are off"):
            figures(agent.store, by="owner", today=TODAY)
    with open_agent(store, staff_names=True) as agent:
        names = [group.name for group in figures(agent.store, by="owner", today=TODAY).groups]
        assert {"a manager 0", "a manager 1"} < set(names)


def test_an_attribute_that_nobody_has_is_named(agent):
    with pytest.raises(InputError, match="no customer has the attribute 'colour'"):
        figures(agent.store, by="colour", today=TODAY)
