"""The decimal sign of a column is settled over all its values, asked for if both fit, and never half right."""

import random
from contextlib import suppress

import pytest
from babel import Locale
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.ingest.formats.cells import NumberText, is_missing
from churn_agent.ingest.formats.currencies import currency_of, minor_units
from churn_agent.ingest.formats.numbers import NumberFormat, NumberProfile
from churn_agent.ingest.questions import Question

LOCALES = "en de fr es it nl pt pt_PT de_CH fr_CH it_CH de_AT pl cs sv da nb fi hi en_IN tr ru".split()


def settled(*values, decimal=None):
    profile = NumberProfile("amount")
    for value in values:
        profile.add(value)
    return profile.settle(decimal)


def parsed(*values, decimal=None):
    settled_format = settled(*values, decimal=decimal)
    assert isinstance(settled_format, NumberFormat)
    return [number and number.value for number in map(settled_format.parse, values)]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (("12,50", "1.234,00", "12.500"), [12.5, 1234, 12500]),
        (("1,250.00", "12.500", "3"), [1250, 12.5, 3]),
        (("1.234.567", "12"), [1234567, 12]),
        (("0.125", "1.500"), [0.125, 1.5]),
        (("1'234.50", "1’234’567.00"), [1234.5, 1234567]),
        (("1 234,50", "1\u00a0234,50", "1\u202f234"), [1234.5, 1234.5, 1234]),
        (("12,34,567.50", "5"), [1234567.5, 5]),
        (("-49.90", "(7.50)", "5.00-", "−3.5", "+1"), [-49.9, -7.5, -5, -3.5, 1]),
        (("49,-", "12,50", "5,– €", "49,--"), [49, 12.5, 5, 49]),
        (("12,5 %", "50%"), [0.125, 0.5]),
        (("1.5E+03", "2e-1", ".5", "5."), [1500, 0.2, 0.5, 5]),
        (("٣٫٥", "12.25"), [3.5, 12.25]),
        (("7", "NULL", "", "#N/A", "-", "n/a", "0"), [7, None, None, None, None, None, 0]),
        ((NumberText("1.234"), NumberText("2")), [1.234, 2]),
    ],
)
def test_a_column_with_one_reading_is_read_by_it(values, numbers):
    assert parsed(*values) == numbers


@pytest.mark.parametrize(
    "values",
    [("1.234",), ("1,234", "999"), ("1,5", "2.5"), ("12,50", "1.234,00", "12.500", "1,250.00", "-49.90", "€ 99.00")],
)
def test_a_column_with_both_readings_is_asked_about(values):
    question = settled(*values)
    assert isinstance(question, Question)
    assert question.options == ("decimal comma", "decimal point")
    answers = [question.answer(option) for option in question.options]
    assert answers == [{"decimal": ","}, {"decimal": "."}]
    assert all(isinstance(settled(*values, **answer), NumberFormat) for answer in answers)


def test_a_number_of_the_source_stays_one_beside_text():
    settled_format = settled(NumberText("1.234"), "12,50")
    assert settled_format.decimal == ","
    assert settled_format.parse(NumberText("1.234").strip()).value == 1.234


def test_the_question_shows_both_readings():
    assert settled("1.234").why == "'1.234' is 1234 with a decimal comma and 1.234 with a decimal point."


def test_the_answer_of_a_mapping_counts():
    assert parsed("1.234", decimal=",") == [1234]
    assert parsed("1.234", decimal=".") == [1.234]


@pytest.mark.parametrize(
    "values",
    [("Very dissatisfied", "Satisfied"), ("12 Monate", "24 Monate"), ("2026-01-01",), ("1", "a", "b"), ("1:30",)],
)
def test_words_are_not_numbers(values):
    assert settled(*values) is None
    assert settled(*values, decimal=".") is None


def test_the_few_that_do_not_fit_are_refused_one_by_one():
    settled_format = settled(*[f"{n},50" for n in range(99)], "free")
    assert (settled_format.decimal, settled_format.misfits) == (",", 1)
    with pytest.raises(ValueError, match="'free' is not a number with a decimal comma"):
        settled_format.parse("free")
    with pytest.raises(ValueError, match=r"'1,250\.00' is not"):
        settled_format.parse("1,250.00")


@pytest.mark.parametrize(
    "text", ["1.2.3", "1,23,45", "12.34.567", "(5", "--5", "$5€", "5 pcs", "1 2", "inf", "nan$", "-(5)", "1e999"]
)
def test_what_is_not_a_number_is_refused(text):
    for decimal in (".", ","):
        with pytest.raises(ValueError, match="is not a"):
            NumberFormat(decimal).parse(text)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("€ 99.00", "EUR"), ("99.00 EUR", "EUR"), ("$5", "$"), ("US$ 5", "USD"), ("CHF 5", "CHF"), ("Fr. 5", "CHF"), ("5 kr", "kr"),
     ("R$ 5", "BRL"), ("£5", "GBP"), ("5 zł", "PLN"), ("-€5", "EUR"), ("€-5", "EUR"), ("¥5", "¥"), ("5", None), ("5 euros", "EUR"), ("S/ 5.50", "PEN"), ("Rp1,234", "IDR"), ("NT$1,200.00", "TWD"), ("R 1 234.50", "ZAR"), ("USD1,234.56", "USD")],
)  # fmt: skip
def test_the_currency_is_known(text, currency):
    assert NumberFormat().parse(text).currency == currency


def test_minor_units_are_those_of_iso_4217():
    assert {code: minor_units(code) for code in "EUR JPY KWD jpy HUF COP IDR CLF".split()} == {
        "EUR": 2, "JPY": 0, "KWD": 3, "jpy": 0, "HUF": 2, "COP": 2, "IDR": 2, "CLF": 4,
    }  # fmt: skip
    for unknown in ("XYZ", "$", "", "euro"):
        with pytest.raises(ValueError, match="not a currency"):
            minor_units(unknown)
    assert currency_of("pieces") is None


def test_the_format_describes_itself_with_examples():
    assert settled("12,50", "1.234,00", "7").describe() == "decimal comma: 12,50; 1.234,00"
    assert settled("7", "8").describe() == "whole numbers: 7; 8"
    guess = settled("12,50").guess("amount")
    assert (guess.about, guess.mapping) == ("amount", 'decimal: "."')


numbers = st.decimals(-(10**9), 10**9, places=2)


@given(st.lists(numbers, min_size=1, max_size=20), st.sampled_from(LOCALES), st.randoms(use_true_random=False))
def test_numbers_of_any_locale_come_back(values, locale, shuffled):
    written = [format_decimal(value, locale=locale) for value in values]
    settled_format = settled(*written)
    again = shuffled.sample(written, len(written))
    assert settled(*again) == settled_format or isinstance(settled_format, Question)
    if isinstance(settled_format, Question):
        sign = Locale(locale.partition("_")[0]).number_symbols["latn"]["decimal"]
        settled_format = settled(*written, decimal=sign)
    assert [settled_format.parse(text).value for text in written] == [float(value) for value in values]


@given(
    st.decimals(-(10**6), 10**6, places=2),
    st.sampled_from(LOCALES),
    st.sampled_from(["EUR", "CHF", "GBP", "PLN", "INR"]),
)
def test_amounts_with_currency_come_back(value, locale, currency):
    text = format_currency(value, currency, locale=locale)
    settled_format = settled(text)
    if isinstance(settled_format, NumberFormat):
        number = settled_format.parse(text)
        assert (number.value, number.currency) == (float(value), currency)


texts = st.from_regex(r"-?[0-9]{1,4}([.,' ][0-9]{1,3}){0,3}", fullmatch=True) | st.sampled_from(
    ["free", "€ 5", "1.234", "1,234"]
)


@given(st.lists(texts, min_size=1, max_size=8), st.integers())
def test_a_reading_that_fits_all_is_never_passed_over(values, seed):
    def fits(decimal):
        try:
            return [NumberFormat(decimal).parse(value) for value in values]
        except ValueError:
            return None

    point, comma, settled_format = fits("."), fits(","), settled(*values)
    if isinstance(settled_format, NumberFormat) and (point or comma):
        assert fits(settled_format.decimal) is not None
        assert point is None or comma is None or point == comma
    if point and comma and point != comma:
        assert isinstance(settled_format, Question)
    mixed = random.Random(seed).sample(values, len(values))  # noqa: S311
    other = settled(*mixed)
    assert type(other) is type(settled_format)
    assert isinstance(other, Question) or other == settled_format


def test_a_long_column_needs_no_memory():
    profile = NumberProfile()
    for n in range(20_000):
        profile.add(f"{n % 7000},{n % 100:02d}")
    size = sum(len(str(value)) for value in vars(profile).values())
    assert size < 2000
    assert profile.settle().decimal == ","


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text):
    for decimal in (".", ","):
        with suppress(ValueError):
            number = NumberFormat(decimal).parse(text)
            assert number is not None or is_missing(text)
