"""Readings whose numbers were recorded with an earlier version: whatever moves in the code, they stay."""

import csv
import json
from pathlib import Path

import pytest

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.read import read
from churn_agent.scoring import prior
from churn_agent.scoring.verdict import from_signals
from tests.elicitation.cases import case
from tests.elicitation.made_up import MadeUp

MESSAGES = Path(__file__).parents[2] / "eval" / "datasets" / "switching"
RECORDED = json.loads(Path(__file__).with_name("made_up_readings.json").read_text(encoding="utf-8"))
"""Salt of the model and id of the customer -> score, leaning, and signal -> strength and beginning of its quote."""


def rows(name):
    with (MESSAGES / name).open(encoding="utf-8", newline="") as file:
        return {row["customer_id"]: row for row in csv.DictReader(file)}


def test_scores_leanings_and_signals_are_those_that_were_recorded():
    prompt, taxonomy = load_prompt("read", "words"), load_taxonomy()
    customers, texts = rows("customers.csv"), rows("interactions.csv")
    companies = tuple({row["company"] for row in customers.values()})
    found = {}
    for name in RECORDED:
        salt, customer = name.split()
        message = case(texts[customer]["text"], company=customers[customer]["company"], companies=companies)
        [reading] = read([message], MadeUp(salt), prompt, taxonomy)
        verdict = from_signals(
            message.snapshot, message.facts, reading.signals, reading.leanings, taxonomy, prompt.thresholds
        )
        signals = {s.concept: [round(s.strength, 6), s.citations[0].quote[:30]] for s in reading.signals}
        found[name] = [round(verdict.probability.raw, 6), round(reading.leanings[0], 6), signals]
    assert found == RECORDED
    assert {signal for *_, signals in found.values() for signal in signals} == set(taxonomy.by_id)


def test_what_was_trained_with_these_weights_and_leanings_holds():
    assert prior.fingerprint(load_taxonomy().weights, load_prompt("read", "words").thresholds) == "fc1cd96bd96c170d"


@pytest.mark.parametrize("change", [{"neutral_leaning": -0.8}, {"staying_leaning": -2.0}])
def test_other_weights_or_leanings_make_another_fingerprint(change):
    weights, thresholds = load_taxonomy().weights, load_prompt("read", "words").thresholds
    assert prior.fingerprint(weights | {"price": 0.7}, thresholds) != prior.fingerprint(weights, thresholds)
    assert prior.fingerprint(weights, thresholds.model_copy(update=change)) != prior.fingerprint(weights, thresholds)
