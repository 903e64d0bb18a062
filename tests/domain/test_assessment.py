"""The record, and its JSON Schema: what other programs build on."""

import json
from pathlib import Path

import jsonschema
import pytest

from churn_agent.domain import assessment
from churn_agent.domain.assessment import Assessment

SHIPPED = Path(assessment.__file__).with_name("record.schema.json")
FIRST = {
    "schema_version": 1,
    "status": "assessed",
    "status_reason": None,
    "customer_id": "c-101",
    "as_of": "2026-02-20",
    "churn_probability": {
        "value": 0.61,
        "low": None,
        "high": None,
        "raw": 0.72,
        "method": "read",
        "calibrated": False,
        "base_rate": 0.04,
        "horizon_days": 90,
    },
    "band": "high",
    "reasons": [
        {
            "statement": "Considers leaving the company.",
            "polarity": "risk",
            "concept": "leaving_considered",
            "contribution": 1.5,
            "citations": [
                {
                    "interaction_id": "0" * 32,
                    "label": "E1",
                    "quote": "I'm considering switching",
                    "occurred_at": "2026-02-20T12:00:00Z",
                    "verified": True,
                    "start": 10,
                    "end": 35,
                }
            ],
        }
    ],
    "actions": [
        {
            "playbook_id": "retention_call",
            "title": "Personal retention call",
            "rationale": "Considers leaving the company (2026-02-20)",
            "addresses": ["leaving_considered"],
            "urgency": "today",
        }
    ],
    "facts": [{"name": "recency", "value": 3.0, "unit": "days", "text": "The last activity was 3 days ago."}],
    "signals": [{"concept": "leaving_considered", "polarity": "risk", "strength": 0.9, "citations": []}],
    "left_out": {"interactions": 0, "tokens": 0},
    "provenance": {
        "churn_agent": "0.1.0",
        "model_id": "qwen2.5-coder-1.5b-instruct",
        "model_sha256": "f" * 64,
        "mode": "read",
        "prompt": "read/direct@1",
        "prompt_hash": "0" * 16,
        "embedder": "all-minilm-l6-v2",
        "evidence_ids": ["0" * 32],
        "prompt_tokens": 900,
        "output_tokens": 40,
        "cached_answers": 0,
        "seconds": 6.2,
        "seed": 0,
    },
}
"""A record with the fields, and no others, that the first version wrote."""


def test_the_shipped_schema_is_that_of_the_record(cli):
    shipped = SHIPPED.read_text(encoding="utf-8")
    assert json.loads(shipped) == Assessment.model_json_schema(), "run: churn-agent schema > " + str(SHIPPED)
    result = cli("schema")
    assert result.code == 0
    assert result.out == shipped


def test_records_of_the_first_version_are_still_records():
    record = Assessment.model_validate_json(json.dumps(FIRST))
    jsonschema.validate(FIRST, json.loads(SHIPPED.read_text(encoding="utf-8")))
    assert record.reasons[0].citations[0].author is None
    assert (record.screening, record.band_before, record.provenance.method) == (None, None, None)


def test_what_is_written_today_fits_the_schema():
    written = json.loads(Assessment.model_validate_json(json.dumps(FIRST)).model_dump_json())
    schema = json.loads(SHIPPED.read_text(encoding="utf-8"))
    jsonschema.validate(written, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written | {"band": "gigantic"}, schema)
