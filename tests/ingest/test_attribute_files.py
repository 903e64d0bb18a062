"""Files of attributes: numbers and dates of a column in one form, several rows of a customer, sensitive columns."""

from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError
from churn_agent.history import book, combining
from churn_agent.history.tables import contributions
from tests.conftest import write_csv
from tests.ingest.test_sync import dump


@pytest.fixture
def notes(agent):
    lines = []
    agent.store._notify = lines.append
    agent.ingest(
        write_csv(Path("t.csv"), "c1,2026-01-01,chat,hello", "c2,2026-01-01,chat,hello"), unknown_is="customer"
    )
    lines.clear()
    return lines


def attributes(agent, *rows, header, card=None, **options):
    path = write_csv(Path("people.csv"), *rows, header=header)
    if card:
        with agent.history.begin() as connection:
            book.set_card(connection, card)
    agent.ingest([], customers=path, **options)
    return {id_: dict(values) for id_, values in book.all_attributes(agent.history).items()}


def test_numbers_and_dates_are_stored_in_one_form(agent, notes):
    header = "customer_id;arr;renewal_date;phone;account_number;share"
    rows = "c1;1.234,50 €;31.12.2026;+49 123 456;007;12 %", "c2;99,00 €;9999-12-31;030/12 34;008;5 %"
    path = write_csv(Path("people.csv"), *rows, header=header)
    agent.ingest([], customers=path)
    known = book.all_attributes(agent.history)
    assert known["c1"] == {
        "arr": "1234.5", "renewal_date": "2026-12-31", "phone": "+49 123 456", "account_number": "007", "share": "0.12"
    }  # fmt: skip
    assert known["c2"] == {"arr": "99", "phone": "030/12 34", "account_number": "008", "share": "0.05"}
    with agent.history.connect() as connection:
        originals = [row.original for row in connection.execute(contributions.select())]
    assert {"arr": "1.234,50 €", "renewal_date": "31.12.2026", "share": "12 %"} in originals


def test_plain_values_stay_as_they_are(agent, notes):
    row = "c1,1200.50,2026-12-31,007,gold,1.10"
    known = attributes(agent, row, header="customer_id,arr,renewal_date,zone,plan,release")
    assert known["c1"] == {
        "arr": "1200.50", "renewal_date": "2026-12-31", "zone": "007", "plan": "gold", "release": "1.10"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text", "answers"),
    [
        ("arr", "1.234", ("decimal: ','", "decimal: .")),
        ("since", "01/02/2025", ("day_first: true", "day_first: false")),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(agent, notes, column, text, answers):
    with pytest.raises(DataError) as refusal:
        attributes(agent, f"c1,{text}", header=f"customer_id,{column}")
    assert all(answer in str(refusal.value) for answer in answers)


def test_one_date_among_words_is_not_asked_about(agent, notes):
    rows = "c1,01/02/2025", "c2,call first", "c1,nothing"
    assert attributes(agent, *rows, header="customer_id,note")["c1"] == {"note": "nothing"}


def test_amounts_in_several_currencies_are_not_added_up(agent, notes):
    rows = "c1,EUR 100", "c1,USD 50"
    known = attributes(agent, *rows, header="customer_id,arr", card=Card(combine={"arr": "sum"}))
    assert known["c1"] == {"arr": "USD 50"}
    assert any("arr has several currencies (EUR, USD)" in note for note in notes)


def test_the_last_of_several_rows_counts_unless_the_card_says_otherwise(agent, notes):
    rows = "c1,A,100,2026-12-31", "c1,B,50,2026-06-30", "c1,A,100,2026-12-31", "c2,C,7,2027-01-01"
    header = "customer_id,contract_id,arr,renewal_date"
    assert attributes(agent, *rows, header=header)["c1"]["arr"] == "100"
    assert any("arr: a customer has several rows; the last one counts; to change it: combine: {arr: sum}" in note
               for note in notes)  # fmt: skip
    card = Card(combine={"arr": "sum", "renewal_date": "lowest"})
    notes.clear()
    known = attributes(agent, *rows, header=header, card=card)
    assert (known["c1"]["arr"], known["c1"]["renewal_date"]) == ("150", "2026-06-30")
    assert known["c2"]["arr"] == "7"
    assert not any("arr:" in note for note in notes)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("100", "50"), "; to change it: combine: {x: sum} in the card (or highest, lowest)"),
        (("2026-01-01", "2027-01-01"), "; to change it: combine: {x: highest} in the card (or lowest)"),
        (("gold", "2027-01-01"), ""),
        (("gold", "7"), ""),
    ],
)
def test_the_note_about_several_rows_names_what_suits_their_values(agent, notes, values, said):
    attributes(agent, *(f"c1,{value}" for value in values), header="customer_id,x")
    [note] = [note for note in notes if "several rows" in note]
    assert note.endswith(f"x: a customer has several rows; the last one counts{said}")


def test_a_card_that_comes_later_combines_what_is_there(agent, notes):
    attributes(agent, "c1,100", "c1,50", header="customer_id,arr")
    with agent.history.begin() as connection:
        book.set_card(connection, Card(combine={"arr": "sum"}))
    assert book.all_attributes(agent.history)["c1"] == {"arr": "150"}
    assert agent.snapshot("c1").attributes == {"arr": "150"}


def test_the_latest_row_is_that_of_the_latest_date(agent, notes):
    rows = "c1,gold,01.03.2025", "c1,free,01.01.2025", "c1,silver,31.01.2025"
    assert attributes(agent, *rows, header="customer_id,plan,known_from")["c1"] == {"plan": "gold"}
    assert book.attributes(agent.history, "c1", known_at=date(2025, 2, 15)) == {"plan": "silver"}
    assert not any("several rows" in note for note in notes)


def test_sensitive_attributes_are_named_and_not_used_unless_listed(agent, notes):
    row = "c1,f,30,gold"
    known = attributes(agent, row, header="customer_id,gender,age,plan")
    assert known["c1"] == agent.snapshot("c1").attributes == {"plan": "gold"}
    [note] = [note for note in notes if "look sensitive" in note]
    assert "sensitive_attributes: [gender, age]" in note
    known = attributes(agent, row, header="customer_id,gender,age,plan", card=Card(sensitive_attributes=("age",)))
    assert known["c1"] == agent.snapshot("c1").attributes == {"age": "30", "plan": "gold"}


def test_the_order_of_files_with_disjoint_columns_does_not_matter(agent, notes):
    files = [("plan", "gold"), ("owner", "Ana"), ("arr", "100")]
    results = []
    for order in permutations(range(3)):
        for n in order:
            agent.ingest(
                [], customers=write_csv(Path(f"{n}.csv"), f"c1,{files[n][1]}", header=f"customer_id,{files[n][0]}")
            )
        results.append(json_of(agent))
        for row in agent.store.imports()[1:]:
            if row.state == "stored":
                agent.store.undo_import(row.id)
        assert dump(agent.settings.store)["customers"] == []
    assert all(result == results[0] for result in results)


def json_of(agent):
    return {id_: dict(sorted(values.items())) for id_, values in book.all_attributes(agent.history).items()}


def test_the_next_renewal_of_several_contracts_counts(agent, notes):
    rows = "c1,2026-05-01", "c1,2026-03-01", "c1,2025-01-01", "c2,2025-01-01", "c2,2024-01-01", "c1,2026-09-01"
    attributes(agent, *rows, header="customer_id,renewal_date")
    assert not any("several rows" in line for line in notes)

    def renewals(as_of):
        found = book.all_attributes(agent.history, as_of=as_of)
        for id_ in ("c1", "c2"):
            assert book.attributes(agent.history, id_, as_of=as_of) == found[id_]
        return [found[id_]["renewal_date"] for id_ in ("c1", "c2")]

    assert renewals(date(2026, 3, 1)) == ["2026-03-01", "2025-01-01"]
    assert renewals(date(2026, 3, 2)) == ["2026-05-01", "2025-01-01"]
    assert renewals(date(2027, 1, 1)) == ["2026-09-01", "2025-01-01"]
    assert agent.store.snapshot("c1", as_of="2026-06-01").attributes["renewal_date"] == "2026-09-01"


def test_a_renewal_that_was_moved_is_not_the_next_one(agent, notes):
    rows = "c1,2026-06-01,2026-01-01", "c1,2026-12-01,2026-03-01"
    attributes(agent, *rows, header="customer_id,renewal_date,known_from")
    assert book.attributes(agent.history, "c1", as_of=date(2026, 4, 1))["renewal_date"] == "2026-12-01"
    attributes(agent, "c1,2027-01-01", header="customer_id,renewal_date")
    assert book.all_attributes(agent.history, as_of=date(2026, 4, 1))["c1"]["renewal_date"] == "2027-01-01"


def test_the_card_decides_how_renewals_are_combined(agent, notes):
    rows = "c1,2026-05-01", "c1,2025-01-01"
    attributes(agent, *rows, header="customer_id,renewal_date", card=Card(combine={"renewal_date": "lowest"}))
    assert book.all_attributes(agent.history, as_of=date(2026, 3, 1))["c1"]["renewal_date"] == "2025-01-01"


@pytest.mark.parametrize("column", ["currency", "deal_currency", "arr_currency"])
def test_amounts_are_summed_within_a_currency(agent, notes, column):
    rows = "c1,100,EUR,2", "c1,50,usd,3", "c1,10,EUR,4", "c2,5,EUR,1", "c2,6,eur,1", "c2,1,,1"
    card = Card(combine={"arr": "sum", "seats": "sum"})
    known = attributes(agent, *rows, header=f"customer_id,arr,{column},seats", card=card)
    assert [known[id_]["arr"] for id_ in ("c1", "c2")] == ["EUR 110 + USD 50", "12"]
    assert known["c1"]["seats"] == "9"


def test_names_of_attributes_on_the_card_count_as_in_files(agent, notes):
    card = Card.model_validate({"combine": {"Contract Value": "sum"}, "sensitive_attributes": ["Age"]})
    known = attributes(agent, "c1,100,30", "c1,50,30", header="customer_id,Contract-Value,Age", card=card)
    assert known["c1"] == {"contract_value": "150", "age": "30"}
    named = Card(value_attribute="Jahreswert", owner_attribute="Betreut von", renewal_attribute="Läuft-bis")
    assert (named.value_attribute, named.owner_attribute) == ("jahreswert", "betreut_von")
    assert named.renewal_attribute == "läuft_bis"


def known_last(agent, files, as_of=date(2026, 12, 31)):
    """Imports files of attributes in an order. Returns the attributes of `c1`, by way of each way to ask for them."""
    for name, header, rows in files:
        agent.ingest([], customers=write_csv(Path(f"{name}.csv"), *rows, header=f"customer_id,{header}"))
    stored = json_of(agent)["c1"]
    assert dict(sorted(book.attributes(agent.history, "c1", known_at=as_of).items())) == stored
    return stored


JANUARY = "january", "plan,arr,owner,known_from", ["c1,gold,100,Ana,2025-01-31", "c1,gold,50,Ana,2025-01-31"]
MARCH = "march", "plan,arr,known_from", ["c1,iron,70,2025-03-31"]
JUNE = "june", "plan,known_from", ["c1,silver,2025-06-30", "c1,free,2025-02-28"]
TODAY = "today", "plan", ["c1,platinum"]


@pytest.mark.parametrize("card", [Card(), Card(combine={"arr": "sum"})])
@pytest.mark.parametrize("order", list(permutations([JANUARY, MARCH, JUNE])), ids=lambda order: order[0][0])
def test_the_value_known_last_counts_whatever_the_order_of_the_imports(agent, notes, order, card):
    with agent.history.begin() as connection:
        book.set_card(connection, card)
    assert known_last(agent, order) == {"arr": "70", "owner": "Ana", "plan": "silver"}
    seen = {
        month: book.attributes(agent.history, "c1", known_at=date(2025, month, 28)).get("plan")
        for month in (1, 2, 3, 4)
    }
    assert seen == {1: None, 2: "free", 3: "free", 4: "iron"}
    assert book.attributes(agent.history, "c1", known_at=date(2025, 2, 28))["arr"] == ("150" if card.combine else "50")


@pytest.mark.parametrize("order", list(permutations([MARCH, TODAY])), ids=lambda order: order[0][0])
def test_attributes_without_a_day_are_as_new_as_their_import(agent, notes, order):
    assert known_last(agent, order)["plan"] == "platinum"


def test_a_plan_that_is_known_from_a_day_to_come_replaces_that_of_today(agent, notes):
    later = "later", "plan,known_from", ["c1,iron,2100-01-01"]
    assert known_last(agent, [later, TODAY], date(2100, 1, 1))["plan"] == "iron"
    assert book.attributes(agent.history, "c1", known_at=date(2099, 12, 31)) == {"plan": "platinum"}


def test_of_values_known_since_the_same_day_the_later_import_counts(agent, notes):
    corrected = "corrected", "plan,known_from", ["c1,copper,2025-03-31"]
    assert known_last(agent, [MARCH, corrected])["plan"] == "copper"
    assert known_last(agent, [TODAY, ("again", "plan", ["c1,lead"])])["plan"] == "lead"


def test_the_renewal_known_last_counts_whatever_the_order_of_the_imports(agent, notes):
    old = "old", "renewal_date,known_from", ["c1,2026-05-01,2025-01-01", "c1,2026-03-01,2025-01-01"]
    new = "new", "renewal_date,known_from", ["c1,2027-05-01,2025-06-01", "c1,2027-03-01,2025-06-01"]
    for order in ([old, new], [new, old]):
        known_last(agent, order)
        as_of = date(2026, 2, 1)
        assert book.all_attributes(agent.history, as_of=as_of)["c1"] == {"renewal_date": "2027-03-01"}
        assert book.attributes(agent.history, "c1", as_of=as_of) == {"renewal_date": "2027-03-01"}
        agent.store.undo_import(agent.store.imports()[-1].id)
        agent.store.undo_import(agent.store.imports()[-2].id)


@given(
    st.lists(
        st.tuples(st.sampled_from(["plan", "arr", "owner"]), st.integers(1, 9), st.integers(0, 400)),
        unique_by=lambda row: row[2], min_size=2, max_size=8,
    ),
    st.randoms(use_true_random=False), st.sampled_from(["latest", "sum", "highest", "lowest"]), st.integers(0, 400),
)  # fmt: skip
def test_the_order_of_imports_does_not_matter_where_the_day_is_given(rows, random, how, day):
    card = Card(combine={"arr": how, "plan": how})
    first = date(2025, 1, 1)
    brought = [(number % 3, SimpleNamespace(
        customer_id="c1", known_from=first + timedelta(days), content={name: str(value)}, started_at=None
    )) for number, (name, value, days) in enumerate(rows)]  # fmt: skip
    seen = []
    for _ in range(3):
        order = random.sample(range(3), 3)
        arrived = []
        for number in order:
            of_file = [row for of, row in brought if of == number and row.known_from <= first + timedelta(day)]
            arrived += [SimpleNamespace(**vars(row), import_id=number) for row in random.sample(of_file, len(of_file))]
        seen.append(combining.merged(arrived, card, first + timedelta(day)))
    assert all(one == seen[0] for one in seen)
