import json
import re
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from churn_agent.domain.assessment import (
    Assessment,
    ChurnProbability,
    Citation,
    Fact,
    LeftOut,
    Provenance,
    Reason,
    RetentionAction,
)
from churn_agent.errors import InputError
from churn_agent.reports import files
from churn_agent.reports.terminal import print_card

HOSTILE = "[red]<script>alert(1)</script>\x1b[2J\n# not a heading | `code` ![x](http://x/) *bold* & [link](http://x)"


def record(
    *,
    quote="the line is down",
    calibrated=False,
    status="assessed",
    customer_id="c-1",
    value=0.83,
    raw=None,
    reasons=True,
):
    citation = Citation(
        interaction_id="0" * 32, label="E1", quote=quote, occurred_at=datetime(2026, 2, 1, tzinfo=UTC), verified=True
    )
    said = (
        Reason(
            statement="Complains.", polarity="risk", concept="service_quality", contribution=0.5, citations=(citation,)
        ),
        Reason(statement="Has been a customer for long.", polarity="protective", concept="tenure", contribution=-0.2),
    )
    assessed = status == "assessed"
    interval = {"low": 0.7, "high": 0.9} if calibrated else {"low": None, "high": None}
    probability = ChurnProbability(
        value=value,
        raw=value if raw is None else raw,
        method="prior",
        calibrated=calibrated,
        base_rate=None,
        horizon_days=90,
        **interval,
    )
    return Assessment(
        status=status,
        status_reason=None if assessed else "too little history",
        customer_id=customer_id,
        as_of=date(2026, 3, 1),
        churn_probability=probability if assessed else None,
        band="high" if assessed else None,
        reasons=said if assessed and reasons else (),
        actions=(RetentionAction(playbook_id="a", title="Call", rationale="Complains.", addresses=("x",), urgency="today"),)
        if assessed
        else (),
        facts=(Fact(name="recency", value=3, unit="days", text="They were last active 3 days before."),),
        left_out=LeftOut(interactions=2, tokens=40),
        provenance=Provenance(
            churn_agent="0", model_id="some-model", model_sha256=None, mode="read", prompt="read/p@1", prompt_hash="h",
            embedder=None, evidence_ids=(), prompt_tokens=1, output_tokens=2, cached_answers=0, seconds=1.0, seed=0,
        ),
    )  # fmt: skip


def terminal(assessment, name=None):
    out = StringIO()
    print_card(assessment, Console(file=out, width=100, highlight=False), company="Acme", name=name)
    return out.getvalue()


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_the_card_names_the_customer_where_a_name_is_known(render):
    named, unnamed = render(record(), "Ana *Lopez*"), render(record(), None)
    assert "Ana *Lopez* (c-1)" in named.replace("\\", "")
    assert "c-1" in unnamed
    assert "(c-1)" not in unnamed
    assert "Ana *Lopez*" not in files.to_markdown(record(), "Ana *Lopez*")  # escaped


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_the_question_that_a_bare_answer_answers_stands_beside_it(render):
    plain = record(quote="Yes please")
    citation = plain.reasons[0].citations[0].model_copy(update={"question": "Shall we cancel it?"})
    reason = plain.reasons[0].model_copy(update={"citations": (citation,)})
    assert "“Yes please” (asked: “Shall we cancel it?”)" in render(plain.model_copy(update={"reasons": (reason,)}))
    assert "asked" not in render(plain)


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_the_card_shows_what_a_reader_needs(render):
    text = render(record())
    for wanted in ("high risk", "Complains.", "the line is down", "2026-02-01", "Call", "today", "3 days before", "some-model",
                   "read/p", "2 interactions", "For churn", "Against churn"):  # fmt: skip
        assert wanted.casefold() in text.casefold(), wanted


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_the_card_shows_what_to_do_and_say_and_what_not_to(render):
    action = (
        record()
        .actions[0]
        .model_copy(
            update={"what": "Call them.", "talk_track": ("Good morning.", "How are you?"), "never_say": ("a promise",)}
        )
    )
    text = render(record().model_copy(update={"actions": (action,)}))
    for words in ("Call them.", "Say: Good morning. How are you?", "Do not say or promise: a promise"):
        assert words in text, words
    assert "Say:" not in render(record())


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
@pytest.mark.parametrize(
    ("n", "words"), [(1, "1 text of an unknown author was not read"), (3, "3 texts of unknown authors were not read")]
)
def test_texts_of_unknown_authors_are_named_with_what_to_do(render, n, words):
    text = " ".join(
        render(record().model_copy(update={"left_out": LeftOut(unattributed=n)})).replace("\u2502", " ").split()
    )
    assert f"{words} (churn-agent ingest --unknown-is customer)" in text
    assert "unknown" not in render(record())


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_without_calibration_no_percentage_is_shown(render):
    text = render(record())
    assert "%" not in text
    assert "83 out of 100, uncalibrated" in text
    calibrated = render(record(calibrated=True))
    assert "83% within 90 days (between 70% and 90%)" in calibrated


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_the_bar_and_the_number_are_one(value, raw, calibrated):
    given_ = record(value=value, raw=raw, calibrated=calibrated)
    shown = given_.churn_probability.shown
    text = terminal(given_)
    assert text.count("\u2588") == round(30 * shown)
    for words in (text, files.to_markdown(given_)):
        printed = re.search(r"Probability (\d+)%|Score (\d+) out of 100", words)
        assert int(printed[1] or printed[2]) == int(f"{100 * shown:.0f}")


@pytest.mark.parametrize("status", ["abstained", "failed"])
@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_what_could_not_be_assessed_says_why_and_shows_no_score(render, status):
    text = render(record(status=status))
    assert status in text
    assert "too little history" in text
    assert "out of 100" not in text


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_a_card_on_withdrawn_data_says_so_and_not_that_nothing_points_to_churn(render):
    bare = record(reasons=False)
    withdrawn = bare.model_copy(update={"provenance": bare.provenance.model_copy(update={"on_withdrawn_data": True})})
    shown = render(withdrawn)
    assert "on withdrawn data" in shown
    assert "No signal or fact" not in shown
    assert "on withdrawn data" not in render(bare)


@pytest.mark.parametrize("render", [terminal, files.to_markdown])
def test_a_card_without_reasons_says_so(render):
    assert "No signal or fact points clearly" in " ".join(render(record(reasons=False)).split())


def test_words_of_customers_cannot_write_markdown():
    text = files.to_markdown(record(quote=HOSTILE, customer_id=HOSTILE))
    assert "<script>" not in text
    assert re.search(r"(?m)^# not", text) is None
    assert re.search(r"(?<!\\)\[link", text) is None
    assert re.search(r"(?<!\\)`code", text) is None


def test_words_of_customers_cannot_steer_the_terminal():
    text = terminal(record(quote=HOSTILE, customer_id=HOSTILE))
    assert "\x1b" not in text
    assert "[red]" in text  # shown, not obeyed


def test_files_are_written_by_their_ending(tmp_path):
    given = record(quote=HOSTILE)
    files.write(given, tmp_path / "a.json")
    assert Assessment.model_validate(json.loads((tmp_path / "a.json").read_text())) == given
    files.write(given, tmp_path / "a.md")
    assert (tmp_path / "a.md").read_text().startswith("# Churn assessment of c-1")
    with pytest.raises(InputError, match=r"ends in \.json or \.md"):
        files.write(given, tmp_path / "a.docx")
    with pytest.raises(InputError, match="cannot write"):
        files.write(given, tmp_path / "nowhere" / "a.md")
