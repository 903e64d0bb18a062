"""A mapping counts for files about customers: columns, defaults, words, formats of dates, names of attributes."""

from datetime import date

import pytest

from churn_agent.errors import DataError
from churn_agent.history import book
from tests.conftest import write_csv

TICKETS = "Nr,Datum,text"


@pytest.fixture
def bring(agent, tmp_path):
    def do(mapping, rows=("007,2026-01-01,hello",), header=TICKETS, **files):
        (tmp_path / "m.yaml").write_text(mapping)
        sources = [write_csv(tmp_path / "t.csv", *rows, header=header)] if rows else []
        return agent.ingest(*sources or [[]], mapping=tmp_path / "m.yaml", unknown_is="customer", **files)

    return do


def test_attributes_follow_the_mapping(agent, bring, tmp_path):
    people = write_csv(tmp_path / "p.csv", "007,J,31|12|2026", "8,M,01|02|2027", header="Nr,Laufzeit,Ende")
    mapping = """
columns: {customer_id: Nr, occurred_at: Datum}
attributes: {contract: Laufzeit, renewal_date: Ende, country: Land}
values: {contract: {J: annual, M: monthly}}
defaults: {country: CH}
time_format: "%d|%m|%Y"
"""
    bring(mapping, rows=("007,01|01|2026,hello",), customers=people)
    assert book.all_attributes(agent.history) == {
        "007": {"contract": "annual", "renewal_date": "2026-12-31", "country": "CH"},
        "8": {"contract": "monthly", "renewal_date": "2027-02-01", "country": "CH"},
    }


def test_outcomes_follow_the_mapping(agent, bring, tmp_path):
    labels = write_csv(tmp_path / "l.csv", "007,31|12|2025,W,", "8,31|12|2025,,X", header="Nr,Stichtag_2,Was,Art_2")
    mapping = """
columns: {customer_id: Nr, occurred_at: Datum, as_of: Stichtag_2, churned: Was, kind: Art_2}
values: {churned: {W: lost}, kind: {X: downgrade}}
defaults: {churned: "0", horizon_days: "30"}
time_format: "%d|%m|%Y"
"""
    bring(mapping, rows=("007,01|01|2026,hello",), labels=labels)
    found = book.labels_in_full(agent.history)
    assert [(row.customer_id, row.churned, row.kind, row.as_of, row.horizon_days) for row in found] == [
        ("007", True, None, "2025-12-31", 30),
        ("8", False, "contracted", "2025-12-31", 30),
    ]


def test_aliases_and_measurements_follow_the_mapping(agent, bring, tmp_path):
    aliases = write_csv(tmp_path / "a.csv", "x,007", header="vorher,nachher")
    numbers = write_csv(tmp_path / "n.csv", "007,2026-01-01,12", header="Nr,Am,Logins")
    mapping = "columns: {customer_id: Nr | id, old: vorher, new: nachher, measured_at: Am}\ndefaults: {person: Ana}\n"
    summary = bring(mapping, aliases=aliases, measurements=numbers)
    assert (summary.aliases, summary.measurements) == (1, 1)


def test_a_default_gives_a_date_to_outcomes_without_one(agent, bring, tmp_path):
    labels = write_csv(tmp_path / "l.csv", "007", header="Nr")
    bring('columns: {customer_id: Nr}\ndefaults: {as_of: "2025-12-31", churned: "1"}\n', labels=labels)
    assert book.all_labels(agent.history) == [("007", date(2025, 12, 31), True)]


def test_columns_of_other_files_and_the_customer_of_a_mailbox_do_not_matter(agent, bring, tmp_path):
    people = write_csv(tmp_path / "p.csv", "007,gold", ",iron", header="customer_id,plan")
    summary = bring("columns: {customer_id: Nr, author: Wer}\ndefaults: {customer_id: '9'}\n", header=TICKETS + ",Wer",
                    rows=("007,2026-01-01,hello,Ana",), customers=people)  # fmt: skip
    assert book.all_attributes(agent.history) == {"007": {"plan": "gold"}}
    assert summary.rejected == 1


@pytest.mark.parametrize(
    ("mapping", "files"),
    [
        ("columns: {left_on: ende}", "labels"),
        ("columns: {known_from: ende}", "customers"),
        ("attributes: {contract: ende}", "customers"),
        ("columns: {metric: ende}", "measurements"),
    ],
)
def test_a_column_that_only_this_file_could_have_must_be_there(bring, tmp_path, mapping, files):
    path = write_csv(tmp_path / "f.csv", "007,2026-01-01,1", header="customer_id,as_of,churned")
    with pytest.raises(DataError, match=r"f\.csv: the mapping's column 'ende' is not in the file"):
        bring(mapping, rows=(), **{files: path})


def test_an_attribute_among_the_columns_is_refused_with_the_line_to_write(bring):
    with pytest.raises(DataError, match=r"unknown field 'contract'.*attributes: \{contract: COLUMN\}"):
        bring("columns: {contract: Laufzeit}\n")


@pytest.mark.parametrize("value", ["2025-11-14", "1", "true"])
def test_a_value_without_quotes_is_named(bring, value):
    with pytest.raises(DataError, match=rf"m\.yaml:1: defaults\.as_of: {value} must be in quotes"):
        bring(f"defaults: {{as_of: {value}}}\n")


def test_an_attribute_can_be_a_constant_or_a_text_with_values(agent, bring, tmp_path):
    people = write_csv(tmp_path / "p.csv", "007,24,30", "8,,12", header="Nr,Monate,Preis")
    mapping = """
columns: {customer_id: Nr}
attributes: {contract: "{Monate} months", fee_period: null, fee: Preis}
defaults: {fee_period: month}
"""
    bring(mapping, rows=(), customers=people)
    assert book.all_attributes(agent.history) == {
        "007": {"contract": "24 months", "fee_period": "month", "fee": "30", "monate": "24"},
        "8": {"fee_period": "month", "fee": "12"},
    }


def test_columns_of_other_files_can_be_texts_with_values(agent, bring, tmp_path):
    rows = "A,1,2026-01-01,logins,12", "A,1,2026-01-02,logins,13"
    numbers = write_csv(tmp_path / "n.csv", *rows, header="Land,Nr,Am,metric,value")
    people = write_csv(tmp_path / "p.csv", "A,1,gold", header="Land,Nr,plan")
    mapping = 'columns: {customer_id: "{Land}-{Nr}", measured_at: Am}\n'
    assert bring(mapping, rows=(), measurements=numbers, customers=people).measurements == 2
    snapshot = agent.snapshot("A-1")
    assert (snapshot.attributes["plan"], [one.metric for one in snapshot.measurements]) == ("gold", ["logins"])


@pytest.mark.parametrize(
    ("attributes", "named"),
    [("{contract: '{Jahre} years'}", "years' is not in the file"), ("{period: null}", "has no value")],
)
def test_an_attribute_that_nothing_gives_is_refused(bring, tmp_path, attributes, named):
    people = write_csv(tmp_path / "p.csv", "007,24", header="Nr,Monate")
    with pytest.raises(DataError, match=named):
        bring(f"columns: {{customer_id: Nr}}\nattributes: {attributes}\n", rows=(), customers=people)
