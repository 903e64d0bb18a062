"""Reasons, band, bar, number, colour and actions of a card never contradict one another, on records composed at random."""

import json
import re
from datetime import date
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from churn_agent.domain.assessment import ChurnProbability
from churn_agent.domain.interactions import Label
from churn_agent.reports import files
from churn_agent.reports.portfolio.building import Account
from churn_agent.reports.terminal import print_card
from churn_agent.scoring.prior import sigmoid
from churn_agent.scoring.verdict import LEANING, Number
from tests.assessing.records import TAXONOMY, record_of, said
from tests.conftest import examples, interaction, snapshot

WORDS = ("Where is the invoice?", "My husband died last week.", "Thanks, noted.", "Please forget my cancellation.")
COLOURS = {"low": "32", "medium": "33", "high": "31"}
signals = st.dictionaries(st.sampled_from(sorted(TAXONOMY.by_id)), st.floats(0.5, 1), max_size=3)
messages = st.lists(st.tuples(st.integers(0, 300), st.sampled_from(WORDS), st.floats(-4, 4), signals), max_size=6)
bands = st.sampled_from([None, "low", "medium", "high"])
attributes = st.sampled_from(
    [{}, {"status": "former"}, {"contract_type": "yearly", "renewal_date": "2026-05-01"}, {"do_not_contact": "yes"}]
)
outcomes = st.sampled_from([(), (Label("c", "2025-11-01", True, 90, left_on="2026-01-01"),)])
numbers = st.none() | st.builds(
    lambda value, parts: Number(
        ChurnProbability(
            value=value, low=value / 2, high=(1 + value) / 2, raw=0.5, method="calibrated-1", calibrated=True,
            base_rate=0.2, horizon_days=90,
        ),
        dict(zip((*TAXONOMY.by_id, "recency", "active_days", LEANING), parts, strict=False)),
    ),
    st.floats(0.001, 0.999),
    st.lists(st.floats(-2, 2), min_size=25, max_size=25),
)  # fmt: skip


@st.composite
def records(draw):
    rows, read = [], []
    for n, (day, text, leaning, found) in enumerate(draw(messages)):
        rows.append(interaction(n, days_ago=day, text=text))
        read.append(said(rows[-1], leaning, **found))
    rows += [
        interaction(900 + n, days_ago=day, channel="order", text="")
        for n, day in enumerate(draw(st.lists(st.integers(0, 300), min_size=1, max_size=5)))
    ]
    of = snapshot(*rows, attributes=draw(attributes), outcomes=draw(outcomes))
    return record_of(read, snapshot=of, band_before=draw(bands), number=draw(numbers))


def printed(record, **options):
    out = StringIO()
    print_card(record, Console(file=out, width=300, **options), company="Acme")
    return out.getvalue()


def our_words(text):
    """A card without customers' words."""
    text = text.replace("A contact person leaves", "")  # not the customer
    return re.sub("\u201c[^\u201d]*\u201d", "", text)


@settings(max_examples=examples(60), deadline=None)
@given(records())
def test_a_card_does_not_contradict_itself(record):
    number = record.churn_probability
    if number is None:
        return
    plain, markdown, document = printed(record), files.to_markdown(record), json.loads(files.to_json(record))
    shown = round(100 * number.shown)
    for text in (plain, markdown):
        assert re.findall(r"(?:Score|Probability) (\d+)(?: out of 100|%)", text) == [str(shown)]
        added = [int(part) for part in re.findall(r" \(([+-]\d+)\)", text)]
        if added:
            start = int(re.search(r"It starts at (\d+);", text)[1])
            assert start + sum(added) == shown
        assert not ("no action needed" in text and "Suggested actions" in text)
        if record.former or record.care:
            assert "Suggested actions" not in text
            assert "look at this customer soon" not in text
        if record.band == "low":
            assert not re.search(r"\bleav(?:e|es|ing)\b|cancel|like leaving", our_words(text)), our_words(text)
    filled = round(30 * number.shown)
    assert plain.count("\u2588") == filled
    coloured = printed(record, force_terminal=True, color_system="standard")
    assert (f"\x1b[{COLOURS[record.band]}m\u2588" in coloured) == (filled > 0)
    parts = [reason["contribution"] for reason in document["reasons"]]
    if any(part is not None for part in parts):
        total = document["rest"] + sum(part or 0 for part in parts)
        value = document["churn_probability"]["value" if number.calibrated else "raw"]
        assert sigmoid(total) == pytest.approx(value, abs=1e-3)


@settings(max_examples=examples(60), deadline=None)
@given(records(), st.sampled_from([None, date(2026, 5, 1)]))
def test_nobody_is_listed_without_a_reason_that_is_shown(record, renewal):
    account = Account(1, record, None, None, renewal, call=True)
    if account.listed == "early warnings":
        assert account.risks
        assert not account.bound or account.risks[0].concept not in ("active_days", "tenure")
    if account.listed == "notice given":
        assert record.band == "high"


@settings(max_examples=examples(60), deadline=None)
@given(records())
def test_a_band_has_a_reason_that_fits_its_number(record):
    if record.band is None:
        assert record.band_reason is None
        return
    edges = [int(edge) for edge in re.findall(r"(\d+)(?:%|$)", record.band_reason)]
    shown = 100 * record.churn_probability.shown
    if record.band_reason.startswith("below"):
        assert (record.band, shown < edges[0] + 0.5) == ("low", True)
    elif record.band_reason.startswith("from"):
        assert record.band in ("medium", "high")
        assert shown >= edges[0] - 0.5
    else:
        assert record.announced or record.band_before
