"""What a prediction says about its method, whoever made it."""

import json

import pytest
from pydantic import ValidationError

from churn_agent.evals.runs.predictions import Prediction

SAMPLE = {"set": "s", "customer_id": "c", "as_of": "2026-01-01", "churned": True, "split": "test"}
SAMPLE |= {"churn_probability": 0.5}


def read(**fields):
    return Prediction.model_validate_json(json.dumps(SAMPLE | fields))


def test_the_label_is_made_of_the_fields_and_stands_in_the_file():
    way = {"kind": "way", "mode": "ask", "prompt": "yes_no", "model": "scripted:a b.json", "prompt_version": 2}
    prediction = read(**way, settings={"evidence_limit": 2, "evidence_tokens": 500})
    assert prediction.method == "ask/yes_no scripted:a b.json evidence_limit=2 evidence_tokens=500"
    assert prediction.prompt_label == "ask/yes_no@2"
    assert prediction.short_method == "ask/yes_no"
    assert prediction.model_copy(update={"model": None}).method == "ask/yes_no evidence_limit=2 evidence_tokens=500"
    line = prediction.model_dump_json()
    assert json.loads(line)["method"] == prediction.method
    assert Prediction.model_validate_json(line) == prediction


@pytest.mark.parametrize(
    "label",
    [
        "read/words scripted",
        "ask/yes_no scripted:/tmp/a b/c=1.json evidence_limit=2",
        "explain/default openai:gpt evidence_limit=2 evidence_tokens=500",
    ],
)
def test_a_label_of_version_1_becomes_fields_and_the_same_label(label):
    prediction = read(method=label, prompt=f"{label.split()[0]}@7", model="as it names itself")
    assert prediction.kind == "way"
    assert prediction.name is None
    assert prediction.method == label
    assert prediction.prompt_label == f"{label.split()[0]}@7"
    assert prediction.model_id == "as it names itself"


@pytest.mark.parametrize(
    ("method", "kind"), [("recency", "classic"), ("boosting", "classic"), ("platt", "hybrid"), ("my own/model", "way")]
)
def test_the_kind_of_a_method_follows_from_its_name(method, kind):
    prediction = read(method=method)
    assert (prediction.kind, prediction.name, prediction.method) == (kind, method, method)
    assert prediction.prompt_label is None


@pytest.mark.parametrize("fields", [{}, {"kind": "way"}, {"kind": "way", "mode": "ask"}, {"method": "m", "colour": 1}])
def test_a_prediction_of_an_unknown_method_is_refused(fields):
    with pytest.raises(ValidationError):
        read(**fields)
