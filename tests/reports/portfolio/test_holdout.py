"""Who is left alone, and what that teaches."""

import math
from datetime import date

import numpy as np
import pytest

from churn_agent.history import assignments, runs
from churn_agent.history.assignments import Assignment
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.holdout import _lot, detectable, plan, uplift

from .conftest import open_agent

DAY = date(2026, 1, 1)


@pytest.fixture
def agent(store):
    with open_agent(store) as opened:
        yield opened


def built(agent, **more):
    return build(agent.store, runs.find(agent.history, "latest"), **more)


def risky(agent):
    return [a.assessment.customer_id for a in built(agent).accounts if a.assessment.band != "low"]


def test_chance_decides_at_the_margin_of_capacity_alone(agent):
    ids = risky(agent)
    assert len(ids) >= 4
    found = plan(built(agent, capacity=2), share=0.5)
    arms = {each.customer_id: (each.arm, each.drawn) for each in found.assignments}
    assert arms[ids[0]] == ("act", False)
    assert [arm for arm, drawn in arms.values() if drawn].count("act") <= 1
    assert sum(arm == "act" for arm, _ in arms.values()) <= 2
    assert all(drawn for arm, drawn in arms.values() if arm == "control")
    assert plan(built(agent, capacity=2), share=0.5).assignments == found.assignments


def test_everybodys_lot_is_their_own_all_through_a_quarter():
    """Whoever else stands at the margin, nobody is called one week and left alone the next."""
    customers = [f"c-{n}" for n in range(400)]
    lots = [_lot(each, date(2026, 4, 6)) for each in customers]
    assert lots == [_lot(each, date(2026, 6, 29)) for each in customers]
    assert lots != [_lot(each, date(2026, 7, 6)) for each in customers]
    assert 160 < lots.count("act") < 240


def test_a_customer_counts_once_a_quarter():
    weekly = [Assignment(f"r{week}", "x 0", date(2026, 1, 1 + 7 * week), "act", True) for week in range(4)]
    read = uplift(weekly, {("x 0", each.as_of): True for each in weekly})
    assert (read.acted, read.acted_churned) == (1, 1)


def test_nothing_is_drawn_where_all_can_be_called(agent):
    found = plan(built(agent, capacity=50), share=0.5)
    assert found.drawn == 0
    assert {each.arm for each in found.assignments} == {"act"}
    assert math.isinf(found.detectable(52))


def test_a_report_calls_whom_the_plan_names(agent):
    run = runs.find(agent.history, "latest")
    found = plan(built(agent, capacity=2), share=0.5)
    assignments.replace(agent.history, run.id, found.assignments)
    accounts = [account for account in built(agent).accounts if account.listed == "early warnings"]
    told = {a.assessment.customer_id: ("act" if a.call else "control") for a in accounts if a.call or a.control}
    assert told == {each.customer_id: each.arm for each in found.assignments}
    assignments.replace(agent.history, run.id, [])
    assert not any(a.control for a in built(agent).accounts)


def drawn(acted, control):
    sizes = {"act": acted, "control": control}
    return [Assignment("r", f"{arm} {i}", DAY, arm, True) for arm, n in sizes.items() for i in range(n)]


def outcomes(of, acted_churned, control_churned):
    """The first so many of each arm churned."""
    least = {"act": acted_churned, "control": control_churned}
    return {(each.customer_id, DAY): int(each.customer_id.split()[1]) < least[each.arm] for each in of}


def test_the_readout_agrees_with_published_intervals():
    """Newcombe (1998), table II, example (a): 56/70 against 48/80, hybrid score interval .0524 to .3339."""
    found = drawn(80, 70)
    read = uplift(found, outcomes(found, 48, 56))
    assert (read.difference, read.low, read.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)
    assert read.verdict == "acting keeps customers"
    assert uplift(found, outcomes(found, 70, 20)).verdict == "acting loses customers"


def test_it_says_when_it_cannot_tell():
    found = drawn(30, 30)
    read = uplift(found, outcomes(found, 10, 10))
    assert read.difference == 0
    assert read.verdict.startswith("cannot tell: with this many customers")
    assert uplift(found, {}).verdict == "cannot tell: too few outcomes are known"
    sure = [Assignment("r", "x 0", DAY, "act", False)]
    assert uplift(sure, {("x 0", DAY): True}).acted == 0


def test_what_is_said_to_be_found_is_found_four_times_out_of_five():
    random = np.random.default_rng(0)
    n, rate = 400, 0.3
    effect = detectable(rate, n)
    found = 0
    for _ in range(400):
        control, acted = random.binomial(n, rate + effect / 2), random.binomial(n, rate - effect / 2)
        p, q = control / n, acted / n
        found += abs(p - q) > 1.96 * math.sqrt(p * (1 - p) / n + q * (1 - q) / n)
    assert 0.74 < found / 400 < 0.86


@pytest.mark.slow
def test_from_the_command_line(cli, store):
    def on(*arguments):
        return cli("--store", store, *arguments)

    dry = on("actions", "plan", "--capacity", "3", "--share", "100", "--dry-run", "--json").json
    assert not dry["stored"]
    planned = on("actions", "plan", "--capacity", "3", "--share", "100")
    assert "drawn at random" in planned.out
    assert "hardly worth it" in planned.out
    assert on("actions", "uplift").out.endswith("cannot tell: too few outcomes are known\n")
    assert (
        on("actions", "log", "c-1", "retention_call", "--at", "2026-03-02").out == "recorded retention_call for c-1\n"
    )
    assert "already" in on("actions", "log", "c-1", "retention_call", "--at", "2026-03-02").out
    assert on("actions", "log", "c-1", "free_money").code == 2
    assert on("actions", "log", "nobody", "retention_call").code == 2
    assert "retention_call" in on("actions", "list").out
    record = on("assess", "c-1", "--as-of", "2026-03-03", "--model", "scripted", "--json").json
    assert "retention_call" not in {action["playbook_id"] for action in record["actions"]}
    with open_agent(store) as agent:
        assert len(assignments.all_assignments(agent.history)) == len(dry["assignments"])
