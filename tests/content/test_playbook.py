import json
import re
from pathlib import Path

import pytest

from churn_agent.content.playbook import Playbook, PlaybookAction, load_playbook
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain import ratings
from churn_agent.domain.assessment import FACT_NAMES
from churn_agent.errors import FileFormatError
from churn_agent.evidence import (
    facts,
    facts_contract,
    facts_measurements,
    facts_pause,
    facts_payments,
    facts_usage,
    kind_of_book,
)
from churn_agent.evidence.facts import compute
from churn_agent.scoring.prior import KIND_WEIGHTS, fact_contributions
from tests.conftest import interaction, snapshot

FACT_MODULES = (
    *(facts, facts_contract, facts_measurements, facts_pause, facts_payments, facts_usage),
    kind_of_book,
)
LONG = [interaction(1, days_ago=400), interaction(2, days_ago=5)]


def own_playbook(folder, when):
    folder.mkdir(exist_ok=True)
    (folder / "playbook.yaml").write_text(
        "version: 1\nactions:\n- {id: a, title: A, what: w, addresses: [price], urgency: today, cost: 1, owner: me, "
        f"channel: phone, when: {json.dumps(when)}}}\n"
    )
    return load_playbook(folder)


def test_actions_address_only_what_can_be_found():
    signals = set(load_taxonomy().by_id)
    for action in load_playbook().actions:
        assert set(action.addresses) <= signals | FACT_NAMES, action.id
    assert {part.concept for part in fact_contributions(compute(snapshot(*LONG)), horizon_days=90)} <= FACT_NAMES


def test_every_fact_with_a_weight_by_kind_has_an_action():
    weighted = {fact for weights in KIND_WEIGHTS.values() for fact in weights} - {"active_days"}
    assert weighted <= {name for action in load_playbook().actions for name in action.addresses}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("prize > 0", "unknown name 'prize'"),
        ("price = high", "is a number"),
        ("band > low", "is text"),
        ("a =", "cannot read"),
    ],
)
def test_a_condition_that_cannot_hold_is_said_as_the_file_is_read(tmp_path, when, said):
    with pytest.raises(FileFormatError, match=said):
        own_playbook(tmp_path / "p", when)


def test_every_fact_that_is_computed_has_a_name_that_conditions_know():
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in FACT_MODULES)
    named = set(re.findall(r'Fact\(\s*name="(\w+)"', source)) | {f"last_{name}" for name in ratings.KINDS}
    named |= {f"{name}_age" for name in ratings.KINDS} | {"returns", "complaints", "missed"}
    assert named == FACT_NAMES


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"addresses": ["prise"]}, "addresses 'prise', which is neither a signal nor a fact"),
        ({"when": "band = hgih"}, "'hgih' is not a band; use low, medium, high"),
        ({"when": "price > 7"}, "the strength of 'price' must be from 0 to 1, not 7"),
    ],
)
def test_what_can_never_hold_is_refused_as_the_file_is_read(change, says):
    action = load_playbook().actions[0].model_dump() | change
    with pytest.raises(ValueError, match=says):
        PlaybookAction.model_validate(action)


def test_ids_are_unique():
    action = load_playbook().actions[0]
    with pytest.raises(ValueError, match="two actions have the id"):
        Playbook(version=1, actions=(action, action))
