"""Labels: words for the outcome, dates with or without a time of day, horizons that spreadsheets made floats."""

import pytest

from churn_agent.domain.snapshot import Card
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.formats.times import TimeFormat
from churn_agent.ingest.labels import LabelFormats, LabelParser, LabelProfile
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row

COLUMNS = {"customer_id": "id", "as_of": "as_of", "churned": "churned", "horizon_days": "horizon"}


def parsed(**values):
    row = Row(1, {"id": "c1", "as_of": "2026-01-31", "churned": "1", "horizon": "", **values})
    return LabelParser(LabelFormats(COLUMNS, {"as_of": TimeFormat()}), Card(horizon_days=90))(row)


@pytest.mark.parametrize("word", ["1", "1.0", "yes", "TRUE", "Churned", "left", "Attrited Customer", "ja", " y "])
def test_words_for_a_customer_who_left(word):
    assert parsed(churned=word).churned is True


@pytest.mark.parametrize(
    "word", ["0", "0.0", "no", "False", "stayed", "Existing Customer", "active", "not churned", "nein"]
)
def test_words_for_a_customer_who_stayed(word):
    assert parsed(churned=word).churned is False


@pytest.mark.parametrize("word", ["maybe", "", "2", "0.5", "closed"])
def test_another_word_is_refused_with_the_value(word):
    with pytest.raises(ValueError, match=f"churned is {word!r}; it must be 1 or 0"):
        parsed(churned=word)


@pytest.mark.parametrize(("text", "days"), [("30.0", 30), ("30", 30), (" 30 ", 30), ("", 90), ("3e1", 30)])
def test_a_horizon_is_a_whole_number_of_days(text, days):
    assert parsed(horizon=text).horizon_days == days


@pytest.mark.parametrize("text", ["30.5", "thirty", "0", "-30", "nan", "inf", "1e9", "30d"])
def test_another_horizon_is_refused_with_the_value(text):
    with pytest.raises(ValueError, match=f"horizon_days is {text!r}"):
        parsed(horizon=text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31 00:00:00",
        "2026-01-31T00:00:00Z",
        "2026-01-31T00:00:00+01:00",
        "20260131",
        "31 Jan 2026",
        "2026-01-31 23:59:59",
    ],
)
def test_a_date_may_have_an_empty_time_of_day(text):
    assert parsed(as_of=text).as_of == "2026-01-31"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-31 10:00", "has a time of day"),
        ("", "needs a date"),
        ("9999-12-31", "needs a date"),
        ("soon", "is not a date"),
        ("2026-02-30", "is not a date"),
    ],
)
def test_another_date_is_refused_with_the_value(text, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        parsed(as_of=text)
    assert repr(text) in str(caught.value)


def test_an_id_that_a_spreadsheet_broke_is_refused():
    with pytest.raises(ValueError, match="a spreadsheet has rounded"):
        parsed(id="4.91512E+11")


def test_other_columns_are_kept():
    assert parsed(reason="price", note="").metadata == {"reason": "price"}


def profile(*rows):
    labels = LabelProfile(COLUMNS)
    for as_of, word in rows:
        labels.add(Row(1, {"as_of": as_of, "churned": word}))
    return labels


def test_dates_are_settled_over_the_file():
    labels = profile(("31/12/2025", "1"), ("01/02/2026", "0"))
    assert labels.settle(ColumnMapping()).dates["as_of"].order == "dmy"
    open_order = profile(("01/02/2026", "0"))
    assert [isinstance(question, Question) for question in open_order.settle(ColumnMapping())] == [True]
    assert open_order.settle(ColumnMapping(day_first=True)).dates["as_of"].order == "dmy"
    assert isinstance(profile().settle(ColumnMapping()).dates["as_of"], TimeFormat)


def test_unknown_words_are_named_with_their_counts():
    labels = profile(*[("2026-01-31", word) for word in ["maybe"] * 3 + ["x", "1", "0", ""]])
    assert labels.unknown_words == "'maybe' (3), 'x' (1)"
    assert profile(("2026-01-31", "yes")).unknown_words is None
    many = profile(*[("2026-01-31", f"w{n}") for n in range(200)])
    assert many.unknown_words.endswith("and 45 more")
