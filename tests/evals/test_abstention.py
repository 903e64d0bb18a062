import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evals.checks.abstention import Known, justified, measure
from churn_agent.evals.sets.labelled import TOGETHER


def known(days, wrong):
    return Known(np.array(days), np.array(wrong, dtype=float))


def test_risk_is_of_those_left_and_coverage_their_share():
    found = {each.least_days_known: each for each in measure({"a": known([0, 2, 2, 100], [1, 1, 0, 0])})}
    assert (found[0].left_out, found[0].coverage, found[0].risk) == (0, 1.0, 0.5)
    assert (found[3].left_out, found[3].coverage, found[3].risk) == (3, 0.25, 0.0)
    assert found[3].wrong_left_out == pytest.approx(2 / 3)
    assert found[3].wrong_left_out_low < 2 / 3 < found[3].wrong_left_out_high
    assert list(found) == [0, 1, 3]  # the others leave out nobody else


def test_several_sets_are_also_told_together():
    found = measure({"a": known([0, 50], [1, 0]), "b": known([5, 50], [0, 0])})
    together = [each for each in found if each.set == TOGETHER]
    assert [(each.least_days_known, each.left_out, each.coverage) for each in together] == [
        (0, 0, 1.0),
        (1, 1, 0.75),
        (7, 2, 0.5),
        (60, 4, 0.0),
    ]


def test_justified_is_the_longest_time_without_better_than_chance():
    assert justified(measure({"a": known([0, 5, 20, 40], [1, 0, 0, 0])})) == 7
    assert justified(measure({"a": known([5, 20, 40], [0, 0, 0])})) == 0


def test_customers_are_judged_by_facts_alone_and_ties_are_drawn_by_lot():
    def snapshot(name, *days):
        done = tuple(
            Interaction(f"{name}{day}", name, datetime(2026, 1, day, 12, tzinfo=UTC), "order", "I leave", "inbound")
            for day in days
        )
        return Snapshot(name, date(2026, 1, 31), Card(), done)

    silent, busy = snapshot("a", 1), snapshot("b", 1, 9, 20, 25, 28, 29, 30, 31)
    found = Known.of([silent, busy, busy], np.array([True, True, False]))
    assert found.days.tolist() == [30, 30, 30]
    assert found.wrong == pytest.approx([0, 0.5, 0.5])


def test_it_is_told_and_drawn(cli, book_folder, tmp_path):
    plot = tmp_path / "curve.svg"
    told = cli("eval", "abstention", book_folder, "--plot", plot)
    assert "CHURN_AGENT_LEAST_DAYS_KNOWN is 7" in told.out
    assert "<svg" in plot.read_text(encoding="utf-8")
    rows = json.loads(cli("eval", "abstention", book_folder, "--json").out)
    assert rows[0]["coverage"] == 1
    assert rows[0]["wrong_left_out"] is None
    assert cli("eval", "abstention", book_folder, "--plot", tmp_path / "curve.png").code == 2
