"""Amounts in the writing of their country, and in the units of their currency."""

import pytest

from churn_agent.evidence.facts import compute
from churn_agent.ingest.questions import NeedsAnswer
from tests.field.books import answers, lines, put, stored, texts


def amounts(agent, tmp_path, *values, mapping=None):
    rows = [f"k{n};2025-03-{n + 1:02};order;order {n};{value}" for n, value in enumerate(values)]
    file = put(tmp_path / "orders.csv", lines("customer_id;date;channel;text;amount", *rows))
    agent.ingest(file, mapping=put(tmp_path / "m.yaml", mapping) if mapping else None)
    return [stored(agent, f"k{n}")[0].amount for n in range(len(values))]


# 03
def test_a_decimal_comma_holds_for_the_whole_column(agent, tmp_path):
    assert amounts(agent, tmp_path, "18,40", "2.315,00", "17.250", "-3,10", "€ 99,00") == [18.4, 2315, 17250, -3.1, 99]


def test_a_decimal_point_holds_for_the_whole_column(agent, tmp_path):
    assert amounts(agent, tmp_path, "18.40", "2,315.00", "17,250", "(3.10)", "$99.00") == [18.4, 2315, 17250, -3.1, 99]


def test_two_writings_in_one_column_are_asked_about_and_nothing_is_lost(agent, tmp_path):
    values = ("18,40", "2.315,00", "17.250", '"3,150.00"', "-41.90")
    with pytest.raises(NeedsAnswer) as asked:
        amounts(agent, tmp_path, *values)
    assert {part["decimal"] for part in answers(asked.value.questions[0])} == {".", ","}
    assert amounts(agent, tmp_path, *values, mapping="decimal: ','")[:3] == [18.4, 2315, 17250]
    assert [texts(agent, f"k{n}") for n in range(len(values))] == [[f"order {n}"] for n in range(len(values))]


# 09
def test_a_guessed_amount_column_of_words_is_kept_as_words(agent, tmp_path):
    rows = ("k1,2025-03-04,The fitter never came,Very poor", "k2,2025-03-04,All went well,Good")
    agent.ingest(put(tmp_path / "survey.csv", lines("customer_id,date,comment,value", *rows)))
    [row] = stored(agent, "k1")
    assert (row.amount, row.metadata["value"], row.text) == (None, "Very poor", "The fitter never came")


@pytest.mark.parametrize("nothing", ["null", '""'])
def test_a_mapping_says_that_there_is_no_amount(agent, tmp_path, nothing):
    file = put(tmp_path / "survey.csv", lines("customer_id,date,comment,value", "k1,2025-03-04,The fitter came,4"))
    agent.ingest(file, mapping=put(tmp_path / "m.yaml", f"columns: {{amount: {nothing}}}"))
    [row] = stored(agent, "k1")
    assert (row.amount, row.metadata["value"]) == (None, "4")


# 24
def invoice(key, customer, currency, due, **more):
    return {"id": key, "customer": customer, "created": 1741075200, "amount_due": due, "currency": currency,
            "billing_reason": "subscription_cycle", "status": "paid", **more}  # fmt: skip


def test_invoices_are_in_the_unit_of_their_currency(agent, tmp_path):
    bills = [
        invoice("in_a", "yen", "jpy", 31000, total=31000),
        invoice("in_b", "dollar", "usd", 3100, total=3100),
        invoice("in_c", "dinar", "kwd", 3100, total=3100),
        invoice("in_d", "credit", "usd", 0, total=-3100),
    ]
    agent.ingest(put(tmp_path / "s.json", {"object": "list", "data": bills}), mapping="stripe")
    assert [stored(agent, name)[0].amount for name in ("yen", "dollar", "dinar", "credit")] == [31000, 31, 3.1, -31]


def test_amounts_of_two_currencies_are_not_added_up(agent, tmp_path):
    bills = [invoice("in_a", "both", "usd", 3100), invoice("in_b", "both", "jpy", 310000)]
    agent.ingest(put(tmp_path / "s.json", {"object": "list", "data": bills}), mapping="stripe")
    said = " ".join(fact.text for fact in compute(agent.snapshot("both")))
    assert "310,031" not in said
    assert "310,000.00" in said
    assert "31.00" in said
