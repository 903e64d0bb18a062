from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.evidence.end_dates import end_date
from tests.conftest import examples

SAID = date(2026, 2, 10)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I hereby cancel my contract by 2026-06-30.", date(2026, 6, 30)),
        ("Hiermit kündige ich meinen Vertrag zum 31.12.2026.", date(2026, 12, 31)),
        ("Hiermit kündige ich meinen Vertrag zum 31.12.", date(2026, 12, 31)),
        ("Ich kündige zum 31. März.", date(2026, 3, 31)),
        ("Please end our plan on 31 March 2027.", date(2027, 3, 31)),
        ("We are leaving on the 1st of May", date(2026, 5, 1)),
        ("Cancel my subscription effective March 15th, 2026, please.", date(2026, 3, 15)),
        ("We won't renew, please close it at the end of March.", date(2026, 3, 31)),
        ("wir hören ende april auf", date(2026, 4, 30)),
        ("I want to cancel at the end of the month.", date(2026, 2, 28)),
        ("I want to cancel at the end of next month.", date(2026, 3, 31)),
        ("Wir kündigen zum Jahresende.", date(2026, 12, 31)),
        ("Wir kündigen zum Quartalsende.", date(2026, 3, 31)),
        ("Ich kündige zum Ende des Monats.", date(2026, 2, 28)),
        ("I'm leaving by 5 January.", date(2027, 1, 5)),
        ("We are cancelling. The last day is 30 June.", date(2026, 6, 30)),
    ],
)
def test_the_end_is_found_in_english_and_german(text, day):
    assert end_date(text.split(".")[0] if "last day" in text else text, text, SAID) == day


@pytest.mark.parametrize(
    "text",
    [
        "I'm leaving. Your invoice 12.03.2026 was the last straw",
        "I have been a customer since 3 May 2019 and I am leaving.",
        "Ich kündige wegen der Rechnung vom 01.04.2026.",
        "I am leaving you for good.",
        "We cancel by 31.02.2026.",
        "I'm leaving by 2031-01-01.",
        "Cancelled by 2024-01-01.",
    ],
)
def test_other_dates_are_no_end(text):
    assert end_date(text, text, SAID) is None


def test_only_dates_near_the_quote_count():
    text = "I am leaving you. It was a hard year. Nobody helped. We met on 3 May at the fair."
    assert end_date("I am leaving you", text, SAID) is None
    assert end_date("not in it", "I leave on 3 May.", SAID) is None


@settings(max_examples=examples(40), deadline=None)
@given(st.text(max_size=80), st.dates(date(2000, 1, 1), date(2090, 12, 31)))
def test_it_never_fails_and_never_lies_before_the_message(text, said_on):
    day = end_date(text, text, said_on)
    assert day is None or day >= said_on


@settings(max_examples=examples(40), deadline=None)
@given(st.dates(date(2026, 2, 10), date(2028, 12, 31)))
def test_every_written_form_means_its_day(day):
    for form in (f"{day}", f"{day:%d.%m.%Y}", f"{day.day} {day:%B} {day.year}", f"{day:%B} {day.day}, {day.year}"):
        text = f"I cancel my contract by {form}."
        assert end_date(text, text, SAID) == day
