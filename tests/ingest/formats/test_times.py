"""How a column writes times is settled over all its values; what has two readings is asked for."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_datetime
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.ingest.formats.dates import LANGUAGES
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.questions import Question

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def settled(*values, **given_by_mapping):
    profile = TimeProfile("date", now=NOW)
    for value in values:
        profile.add(value)
    return profile.settle(**given_by_mapping)


def parsed(*values, clock="", **given_by_mapping):
    settled_format = settled(*values, **given_by_mapping)
    assert isinstance(settled_format, TimeFormat), settled_format
    return [time and time.utc.isoformat() for time in (settled_format.parse(value, ZURICH, clock) for value in values)]


TEN, NINE, HALF_PAST = "2026-02-01T10:00:00+00:00", "2026-02-01T09:00:00+00:00", "2026-02-01T08:30:00+00:00"
DAY = "2026-01-31T23:00:00+00:00"
FORMS = {
    "2026-02-01 05:00:00 -0500": TEN,
    "2026-02-01T10:00:00.000+0000": TEN,
    "2026-02-01 9:30": HALF_PAST,
    "2026-02-01 09:30 AM": HALF_PAST,
    "2026020110": NINE,
    "20260201": DAY,
    "20260201100000": NINE,
    "202602011000": NINE,
    "2026/02/01": DAY,
    "2026.02.01 10:00": NINE,
    "2026-02-01T10:00:00Z[UTC]": TEN,
    "2026-02-01T11:00:00+01:00[Europe/Zurich]": TEN,
    "2026-02-01 11:00 Europe/Zurich": TEN,
    "2026-02-01T10:00:00.0000000Z": TEN,
    "2026-01-31T24:00:00": DAY,
    "2026-W05-7": DAY,
    "2026-02-01 10:00:00 CET": NINE,
    "2026-02-01T10:00:00 UTC": TEN,
    "2026-02-01 10:00:00.000000 UTC": TEN,
    "2026-02-01 10:00:00.000 +00:00": TEN,
    "2026-02-01T10": NINE,
    "2026-02-01-10.00.00.000000": NINE,
    "2026-02-01 10:00:00,000": NINE,
    "2026-02-01+01:00": DAY,
    "1769940000": TEN,
    "1769940000.0": TEN,
    "1769940000000": TEN,
    "1769940000000000": TEN,
    "1769940000000000000": TEN,
    "Feb 1, 2026": DAY,
    "February 1st, 2026 at 10:00 AM": NINE,
    "Feb 1, 2026, 9:30\u202fAM": HALF_PAST,
    "01-FEB-26 09.30.00.000000 AM": HALF_PAST,
    "Sun, 01 Feb 2026 10:00:00 GMT": TEN,
    "Sun 01 Feb 2026 11:00:00 +0100": TEN,
    "Sun Feb  1 10:00:00 2026": NINE,
    "Sun Feb 01 2026 11:00:00 GMT+0100 (Central European Standard Time)": TEN,
    "01/Feb/2026:10:00:00 +0000": TEN,
    "1. Februar 2026, 10:00 Uhr": NINE,
    "1. Februar 2026, 10.00 Uhr": NINE,
    "dimanche 1er février 2026 à 10h00": NINE,
    "1 de febrero de 2026": DAY,
    "2026年2月1日": DAY,
    "1. 2. 2026": DAY,
    "01.02.2026 - 10:00": NINE,
    "2026. 2. 1.": DAY,
    "2026-2-1": DAY,
    "20260201T100000Z": TEN,
    "20260201T1000": NINE,
    "20260201 100000": NINE,
    "/Date(1769940000000)/": TEN,
    "2026-02-01 10:00 AM UTC+1": NINE,
    "2026-02-01T10:00:00.123456789Z": "2026-02-01T10:00:00.123456+00:00",
    "01.02.2026 10:00:00 MEZ": NINE,
    "2026-02-01 02:00:00 PST": TEN,
}


@pytest.mark.parametrize(("text", "utc"), FORMS.items())
def test_a_form_of_a_time_is_read(text, utc):
    assert parsed(text) == [utc]


def test_forms_may_be_mixed_in_a_column():
    assert parsed(*FORMS) == list(FORMS.values())


@pytest.mark.parametrize(
    ("values", "days"),
    [
        (("01/02/2026", "02/03/2026 14:05", "31/12/2025"), ["2026-02-01", "2026-03-02", "2025-12-31"]),
        (("01/02/2026", "12/31/2025"), ["2026-01-02", "2025-12-31"]),
        (("01.02.2026", "3.4.26"), ["2026-02-01", "2026-04-03"]),
        (("01-02-26", "31-12-25"), ["2026-02-01", "2025-12-31"]),
        (("26-02-01", "25-12-31", "99-12-31"), ["2026-02-01", "2025-12-31", "1999-12-31"]),
        (("05/05/2026",), ["2026-05-05"]),
    ],
)
def test_the_order_of_day_and_month_is_settled_by_the_column(values, days):
    settled_format = settled(*values)
    local = [settled_format.parse(value, ZURICH).utc.astimezone(ZURICH).date().isoformat() for value in values]
    assert local == days


@pytest.mark.parametrize(
    "values",
    [("01/02/2026",), ("01/02/2026", "2026-02-03"), ("12/31/2025", "31/12/2025"), ("03-04-2026 10:00", "04-03-2026")],
)
def test_an_open_order_is_asked_for(values):
    question = settled(*values)
    assert isinstance(question, Question)
    assert question.options == ("day first", "month first")
    assert [question.answer(option) for option in question.options] == [{"day_first": True}, {"day_first": False}]
    assert settled(*values, day_first=True).order == "dmy"
    assert settled(*values, day_first=False).order == "mdy"


def test_the_question_shows_both_readings():
    assert (
        settled("01/02/2026").why == "'01/02/2026' is 2026-02-01 with the day first or 2026-01-02 with the month first."
    )


def test_a_year_of_two_digits_may_stand_first():
    question = settled("26-02-01")
    assert question.options == ("day first", "year first")
    assert question.answer("year first") == {"time_format": "%y-%m-%d"}
    assert parsed("26-02-01", **question.answer("year first")) == [DAY]


NONE = """0001-01-01|0001-01-01T00:00:00|9999-12-31|9999-12-31 23:59:59|1900-01-00|1900-01-00 00:00:00|1899-12-30|0000-00-00 00:00:00
00/00/0000|31/12/9999|12/31/9999|01/01/0001|00010101|99991231|2999-12-31|1753-01-01||NULL|NaT|n/a|#N/A|never"""


@pytest.mark.parametrize("text", [text for text in NONE.replace("\n", "|").split("|") if text != "never"])
def test_a_sentinel_is_no_time(text):
    assert parsed(text, "2026-02-01") == [None, DAY]
    assert settled(text, "2026-02-01").values == 1


def test_the_epoch_alone_is_a_time():
    assert parsed("1970-01-01 01:00", "2026-02-01")[0] == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize("text", ["1712-01-01", "1969-12-31", "2712-01-01", "0201-02-26"])
def test_a_year_out_of_range_is_refused(text):
    with pytest.raises(ValueError, match="lies in the year"):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    "2026-02 Feb_2026 hello 2026-02-30 31.02.2026 2026-02-01T25:00 2026-02-01T10:00_IST 12345 2034031503 -1 2026 1.76994E+12 13:99 2026-02-01T10:00+25:00 30/30/2026 171201011200000000000".split(),
)
def test_what_is_not_a_time_is_refused(text):
    text = text.replace("_", " ")
    assert settled(text) is None
    with pytest.raises(ValueError, match=r"time|date"):
        TimeFormat(now=NOW).parse(text, ZURICH)


def test_a_rounded_number_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="a spreadsheet has rounded"):
        TimeFormat(now=NOW).parse("1.76994E+12", ZURICH)


def test_days_of_a_spreadsheet_are_read_only_if_all_values_are_such():
    assert parsed("46054", "46054.4375") == [DAY, "2026-02-01T09:30:00+00:00"]
    guess = settled("46054", "46054.4375").guess("date")
    assert "46054" in guess.taken
    mixed = settled("46054", "2026-02-01", "2026-02-02")
    with pytest.raises(ValueError, match="not a time"):
        mixed.parse("46054", ZURICH)
    assert parsed("46054", time_format="excel") == [DAY]


def test_midnights_alone_are_days():
    [day] = [settled("2026-02-01T00:00:00").parse("2026-02-01T00:00:00", ZURICH)]
    assert day.date_only
    assert not day.zoned
    moments = settled("2026-02-01T00:00:00", "2026-02-01T00:00:01")
    assert not moments.parse("2026-02-01T00:00:00", ZURICH).date_only
    assert not settled("2026-02-01T00:00:00Z").parse("2026-02-01T00:00:00Z", ZURICH).date_only


def test_the_offset_of_the_source_is_kept():
    time = settled("2026-02-01 05:00 -0500").parse("2026-02-01 05:00 -0500", ZURICH)
    assert (time.offset_minutes, time.zoned, time.date_only) == (-300, True, False)
    time = settled("2026-07-01 10:00").parse("2026-07-01 10:00", ZURICH)
    assert (time.offset_minutes, time.zoned) == (120, False)


@pytest.mark.parametrize(
    "clock",
    [
        "10:00",
        "10:00:00",
        "10:00 AM",
        "1000",
        "100000",
        "0.4166667",
        "1899-12-30T10:00:00",
        "1900-01-01 10:00:00",
        "10h00",
        "10.00",
        "10:00 CET",
    ],
)
def test_a_second_column_has_the_time_of_day(clock):
    assert parsed("2026-02-01", clock=clock) == [NINE]
    assert parsed("2026-02-01T00:00:00", clock=clock) == [NINE]
    assert parsed("2026-02-01T10:00:00", clock=clock) == [NINE]


def test_a_second_column_that_contradicts_the_first_is_refused():
    with pytest.raises(ValueError, match="second column"):
        parsed("2026-02-01 11:00", clock="10:00")
    with pytest.raises(ValueError, match="'soon' is not a time of day"):
        parsed("2026-02-01", clock="soon")
    assert parsed("2026-02-01", clock="NULL") == [DAY]


def test_a_column_of_words_is_not_a_column_of_times():
    assert settled("a", "b", "2026-02-01") is None
    assert settled("a", "2026-02-01", "2026-02-02").misfits == 1


def test_the_format_of_a_mapping_counts():
    assert parsed("01|02|2026 10h", time_format="%d|%m|%Y %Hh") == [NINE]
    with pytest.raises(ValueError, match=r"not a time in the format '%d.%m.%Y'"):
        parsed("2026-02-01", time_format="%d.%m.%Y")


def test_the_format_describes_itself_with_examples():
    assert settled("31/12/2025", "01/02/2026").describe() == "day first: 31/12/2025; 01/02/2026"
    assert settled("2026-02-01").describe() == "ISO 8601: 2026-02-01"
    assert settled("31/12/2025").guess("date").mapping == "day_first: false"


moments = st.datetimes(datetime(1990, 1, 1), datetime(2028, 6, 1)).map(lambda moment: moment.replace(microsecond=0))
NUMERIC = {
    "%d/%m/%Y": True,
    "%m/%d/%Y": False,
    "%d.%m.%Y": True,
    "%d-%m-%Y %H:%M:%S": True,
    "%m/%d/%Y %I:%M:%S %p": False,
}


@given(st.lists(moments, min_size=1, max_size=12), st.sampled_from(list(NUMERIC)), st.randoms(use_true_random=False))
def test_dates_in_numbers_come_back(values, pattern, shuffled):
    written = [value.strftime(pattern) for value in values]
    settled_format = settled(*written)
    again = settled(*shuffled.sample(written, len(written)))
    assert type(again) is type(settled_format)
    assert isinstance(again, Question) or again == settled_format
    if isinstance(settled_format, Question):
        settled_format = settled(*written, day_first=NUMERIC[pattern])
    for value, text in zip(values, written, strict=True):
        expected = datetime.strptime(text, pattern)  # noqa: DTZ007
        assert settled_format.parse(text, ZoneInfo("UTC")).utc.replace(tzinfo=None) == expected
        assert value.date() == expected.date()


@given(moments, st.sampled_from(LANGUAGES), st.sampled_from(["medium", "long", "full"]))
def test_dates_with_names_come_back_in_every_language(value, language, length):
    if length != "medium":
        assert parsed(format_date(value, length, locale=language))
        text = format_datetime(value, f"{'EEEE, ' if length == 'full' else ''}d MMMM y HH:mm:ss", locale=language)
    else:
        parsed(format_datetime(value, "EEE, d MMM y HH:mm:ss", locale=language))
        text = format_datetime(value, "d. MMM y, HH:mm", locale=language)
        value = value.replace(second=0)
    assert settled(text).parse(text, ZoneInfo("UTC")).utc.replace(tzinfo=None) == value


@given(moments, st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_seconds_since_1970_come_back(value, per_second):
    moment = value.replace(tzinfo=UTC)
    text = str(int(moment.timestamp()) * per_second)
    assert settled(text).parse(text, ZURICH).utc == moment


@given(moments, st.timedeltas(timedelta(hours=-12), timedelta(hours=14)))
def test_iso_8601_comes_back(value, offset):
    minutes = int(offset.total_seconds() // 60)
    sign, hours, rest = ("+" if minutes >= 0 else "-"), abs(minutes) // 60, abs(minutes) % 60
    text = f"{value.isoformat()}{sign}{hours:02d}:{rest:02d}"
    time = settled(text).parse(text, ZURICH)
    assert (time.utc.replace(tzinfo=None) + timedelta(minutes=minutes), time.offset_minutes) == (value, minutes)


pieces = st.from_regex(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.](20)?[0-9]{2}", fullmatch=True) | st.sampled_from(
    ["2026-02-01", "soon"]
)


@given(st.lists(pieces, min_size=1, max_size=8), st.integers())
def test_an_order_that_fits_all_is_never_passed_over(values, seed):
    def days(order):
        try:
            return [TimeFormat(order=order, earliest_year=1900, now=NOW).parse(value, ZURICH).utc for value in values]
        except (ValueError, AttributeError):
            return None

    settled_format = settled(*values)
    readings = {order: reading for order in ("dmy", "mdy", "ymd") if (reading := days(order))}
    if isinstance(settled_format, TimeFormat) and readings:
        assert (settled_format.order or "dmy") in readings
        assert len(set(map(tuple, readings.values()))) == 1
    other = settled(*random.Random(seed).sample(values, len(values)))  # noqa: S311
    assert type(other) is type(settled_format)
    assert not isinstance(other, TimeFormat) or other == settled_format


@given(st.text(max_size=25))
def test_any_text_is_a_time_or_refused(text):
    settled_format = settled(text) or TimeFormat(now=NOW)
    with suppress(ValueError):
        time = settled_format.parse(text, ZURICH) if isinstance(settled_format, TimeFormat) else None
        assert time is None or any(character.isdigit() for character in text)
