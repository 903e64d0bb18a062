"""Choosing a way, and the honest figure of the choice."""

import json

import numpy as np
import pytest
import yaml

from churn_agent.evals.runs.predictions import Prediction
from churn_agent.evals.runs.searching import choose


def said(method, scores, labels):
    return [
        Prediction(
            set="s", customer_id=f"c{i:03}", as_of="2026-01-01", churned=bool(label), split="test", method=method,
            churn_probability=float(score),
        )
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]  # fmt: skip


def test_a_way_that_is_better_is_chosen_in_every_fold():
    random = np.random.default_rng(0)
    labels = random.random(200) < 0.4
    good = (labels + random.normal(size=200) + 3) / 9
    [choice] = choose(said("good", good.clip(0, 1), labels) + said("bad", random.random(200), labels))
    assert (choice.method, choice.chosen) == ("good", {"good": 5})
    assert choice.auroc == pytest.approx(choice.apparent, abs=0.03)
    assert choice.low < choice.auroc < choice.high


@pytest.mark.slow
def test_the_best_of_many_useless_ways_is_found_out():
    """Over many draws the apparent figure of the winner is too high, and that of nested folds is not."""
    apparent, honest = [], []
    for draw in range(20):
        random = np.random.default_rng(draw)
        labels = random.random(100) < 0.4
        [choice] = choose([p for way in range(15) for p in said(f"way {way}", random.random(100), labels)], seed=draw)
        apparent.append(choice.apparent)
        honest.append(choice.auroc)
    assert np.mean(apparent) > 0.58
    assert abs(np.mean(honest) - 0.5) < 0.03


def test_of_a_pair_the_way_is_chosen_on_the_first_set_and_judged_on_the_second():
    random = np.random.default_rng(0)
    labels = random.random(200) < 0.4
    good, bad = (labels + random.normal(size=200) + 3) / 9, random.random(200)
    first = np.arange(200) < 100
    made = []
    for method, scores in (("a", np.where(first, good, bad)), ("b", np.where(first, bad, good))):
        of_pair = said(method, scores.clip(0, 1), labels)
        made += [p.model_copy(update={"split": "train"}) if i < 100 else p for i, p in enumerate(of_pair)]
    [choice] = choose(made)
    assert (choice.method, choice.n, choice.chosen) == ("a", 100, {"a": 1})
    assert choice.apparent > 0.7
    assert abs(choice.auroc - 0.5) < 0.12


@pytest.mark.slow
def test_the_command_tries_settings_and_names_the_choice(cli, suite_file):
    suite = yaml.safe_load(suite_file.read_text())
    suite |= {
        "ways": [{"mode": "ask", "models": ["scripted"], "settings": {"evidence_limit": [2, 6]}}],
        "baselines": [],
    }
    suite_file.write_text(yaml.safe_dump(suite))
    result = cli("eval", "search", suite_file, "-o", suite_file.parent / "run", "--json")
    assert result.code == 0, result.err
    [choice] = json.loads(result.out)
    assert set(choice["chosen"]) <= {f"ask/lettered scripted evidence_limit={limit}" for limit in (2, 6)}
    assert choice["n"] == 60
