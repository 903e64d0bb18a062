"""Expectations of cards, and `churn-agent check`."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import Assessment, Reason, RetentionAction
from churn_agent.errors import FileFormatError
from churn_agent.evals.checks.cards import CardCheck, check_card, figures, to_junit, to_markdown
from churn_agent.evals.checks.expectations import FACTS, Expectation, load_expectations
from churn_agent.settings import Settings

SIGNALS = load_taxonomy().by_id
SAYS_PRICE = "This is far too expensive for me."


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """A record without reasons."""
    settings = Settings.load(store=tmp_path_factory.mktemp("store"), model="scripted")
    with ChurnAgent(settings) as agent:
        return agent.assess_text("Where do I find my invoice?")


def _record(blank: Assessment, *reasons: tuple[str, str], band: str = "medium", actions: tuple[str, ...] = ()) -> Any:
    return blank.model_copy(
        update={
            "band": band,
            "reasons": tuple(Reason(statement=c, polarity=p, concept=c, contribution=0.5) for c, p in reasons),
            "actions": tuple(
                RetentionAction(playbook_id=a, title=a, rationale="", addresses=(), urgency="today") for a in actions
            ),
        }
    )


def _check(record: Assessment, **case: Any) -> CardCheck:
    return check_card(Expectation.model_validate({"id": "c1", **case}), record, signals=SIGNALS)


def test_a_card_that_names_what_it_must_and_may_is_right(blank: Assessment) -> None:
    record = _record(blank, ("price", "risk"), ("praise", "protective"), ("tenure", "protective"))
    assert _check(record, must=["price"], may=["praise"]).right
    assert _check(record, must=[["competitor", "price"]], may=["praise"]).right


def test_a_signal_outside_must_and_may_is_false_and_a_missing_group_is_named(blank: Assessment) -> None:
    check = _check(_record(blank, ("price", "risk")), must=[["competitor", "leaving_considered"]], may=[])
    assert check.missing == ("competitor or leaving_considered",)
    assert check.false == ("price",)
    assert check.wrong == ["does not name competitor or leaving_considered", "names price"]


def test_without_may_only_what_is_forbidden_is_false(blank: Assessment) -> None:
    record = _record(blank, ("price", "risk"))
    assert _check(record).right
    assert _check(record, never=["price"]).false == ("price",)


def test_facts_of_risk_must_be_expected_and_facts_for_staying_need_not(blank: Assessment) -> None:
    silent = _record(blank, ("recency", "risk"))
    assert _check(silent, may=[]).false == ("recency",)
    assert _check(silent, may=["silent"]).right
    assert _check(silent, must=["orders_stopped"], may=[]).right
    assert _check(_record(blank, ("recency", "protective")), may=[]).right


def test_an_announcement_wants_the_high_band_and_the_departed_want_no_action(blank: Assessment) -> None:
    announced = {"date": "2026-05-01", "quote": "we are leaving"}
    assert _check(_record(blank, band="low"), announced=announced).faults == ("band low instead of high",)
    assert _check(_record(blank, band="high"), announced=announced).right
    called = _record(blank, actions=("retention_call",))
    assert _check(called, left=True).faults == ("suggests retention_call (has left)",)
    assert _check(called, care="self_harm").faults == ("suggests retention_call (self harm)",)
    assert _check(called, actions=["retention_call", "plan_check"]).right
    assert _check(called, actions=["plan_check"]).faults == ("does not suggest plan_check",)
    assert not _check(called, actions=[]).right


def test_a_failed_assessment_is_wrong_where_something_was_expected(blank: Assessment) -> None:
    failed = blank.model_copy(update={"status": "failed", "status_reason": "no answer", "churn_probability": None})
    assert _check(failed, must=["price"]).faults == ("no assessment: no answer",)
    assert _check(failed).right


def test_every_word_for_facts_names_facts_of_records() -> None:
    from churn_agent.domain.assessment import FACT_NAMES

    assert {fact for facts in FACTS.values() for fact in facts} <= FACT_NAMES


def test_figures_rank_customers_to_call_against_those_not_to(blank: Assessment) -> None:
    def scored(value: float, **case: Any) -> CardCheck:
        assert blank.churn_probability
        number = blank.churn_probability.model_copy(update={"raw": value, "value": value})
        return _check(_record(blank, band="high").model_copy(update={"churn_probability": number}), **case)

    announced = {"date": "2026-05-01", "quote": "we are leaving"}
    checks = [
        scored(0.9, call="yes", announced=announced),
        scored(0.2, call="yes"),
        scored(0.5, call="no"),
        scored(0.1, call="no", never=["price"], must=["price"]),
        scored(0.99, call="unclear"),
    ]
    result = figures(checks)
    assert result.n == 5
    assert result.auroc
    assert result.auroc.value == 0.75
    assert result.auroc_unannounced
    assert result.auroc_unannounced.value == 0.5
    assert result.precision_at_capacity == 0.5
    assert result.right.value == 0.8
    assert result.missed.value == 0.2
    assert result.wrong == {"does not name price": 1}


def test_reports_name_each_wrong_card(blank: Assessment) -> None:
    checks = [_check(_record(blank), must=["price"], why="a | b"), _check(_record(blank), id="c2")]
    markdown = to_markdown(checks, "cases")
    assert "| c1 | medium |" in markdown
    assert "a \\| b" in markdown
    assert "| c2 |" not in markdown
    suite = ElementTree.fromstring(to_junit(checks, "cases"))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase[@name='c1']/failure")
    assert failure is not None
    assert failure.get("message") == "does not name price"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a", "must": ["prise"]}', "'prise', which is neither a signal nor a fact"),
        ('{"must": ["price"]}', "needs either 'id'"),
        ('{"id": "a", "text": "b"}', "needs either 'id'"),
        ('{"id": "a", "bands": "high"}', "cases.jsonl:1: bands: Extra inputs"),
        ("{", "cases.jsonl:1: not JSON"),
        ("", "no cases"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(FileFormatError, match=message):
        load_expectations(path, SIGNALS)


def test_yaml_and_json_lines_say_the_same(tmp_path: Path) -> None:
    yaml, lines = tmp_path / "cases.yaml", tmp_path / "cases.jsonl"
    yaml.write_text(
        "- id: a\n  must: [price, [praise, loyalty]]\n  band: high\n  as_of: 2026-05-01\n", encoding="utf-8"
    )
    case = {"id": "a", "must": [["price"], ["praise", "loyalty"]], "band": ["high"], "as_of": "2026-05-01"}
    lines.write_text(json.dumps(case), encoding="utf-8")
    assert load_expectations(yaml, SIGNALS) == load_expectations(lines, SIGNALS)
    assert load_expectations(yaml, SIGNALS)[0].as_of == date(2026, 5, 1)


def test_check_exits_with_1_for_wrong_cards_and_writes_its_reports(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    (tmp_path / "rows.csv").write_text(
        f"customer_id,occurred_at,channel,text\nc1,2026-05-01,review,{SAYS_PRICE}\n", encoding="utf-8"
    )
    assert cli("ingest", "rows.csv", "--yes").code == 0
    cases = tmp_path / "cases.yaml"
    cases.write_text("- id: c1\n  must: [price]\n- text: Hello there\n  never: [price]\n", encoding="utf-8")
    result = cli("check", cases, "-o", "report.md", "--junit", "junit.xml")
    assert result.code == 1
    assert "c1: does not name price" in result.out
    assert "1 of 2 cards are right" in result.out
    assert "does not name price" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("failures") == "1"
    cases.write_text("- id: c1\n  never: [price]\n", encoding="utf-8")
    assert cli("check", cases).code == 0
    assert cli("check", cases, "--json").json["figures"]["right"]["value"] == 1.0
    cases.write_text("- id: nobody\n  never: [price]\n", encoding="utf-8")
    assert cli("check", cases).code == 2
