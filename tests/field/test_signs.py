"""What tables say beside their rows: totals, deletions, orders not paid, ids of nobody, garbled letters, dialogues."""

import pytest

from churn_agent.history import book
from tests.field.books import customers, lines, put, spoken, stored, texts


@pytest.fixture
def said(agent, monkeypatch):
    """What an import announces."""
    notes: list[str] = []
    monkeypatch.setattr(agent.store, "_notify", notes.append)
    return notes


def table(path, *rows, header="customer_id,date,message,direction"):
    return put(path, lines(header, *rows))


@pytest.mark.parametrize("word", ["Total", "Grand Total", "Summe:", "TOTALE", "Gesamt"])
def test_a_row_of_totals_is_no_customer(agent, tmp_path, word):
    history = table(tmp_path / "t.csv", "k1,2025-03-01,hello,inbound")
    rows = ("k1,Kim,1200,10", "k2,Lee,2400,20", f"{word},,3600,30")
    summary = agent.ingest(history, customers=table(tmp_path / "c.csv", *rows, header="customer_id,name,arr,seats"))
    assert (summary.customers, summary.rejected) == (2, 1)


def test_a_customer_called_total_stays(agent, tmp_path):
    history = table(tmp_path / "t.csv", "Total,2025-03-01,hello,inbound")
    summary = agent.ingest(
        history, customers=table(tmp_path / "c.csv", "Total,Kim,1200", header="customer_id,owner,arr")
    )
    assert (summary.customers, summary.rejected) == (1, 0)


@pytest.mark.parametrize("column", ["Renewal Date", "contract_until", "Datum"])
def test_days_of_a_spreadsheet_are_days_in_attributes_too(agent, tmp_path, column):
    history = table(tmp_path / "t.csv", "k1,2025-03-01,hello,inbound")
    agent.ingest(history, customers=table(tmp_path / "c.csv", "k1,46082", "k2,46113", header=f"customer_id,{column}"))
    assert list(book.attributes(agent.history, "k1").values()) == ["2026-03-01"]


@pytest.mark.parametrize("column", ["spend_to_date", "arr", "seats"])
def test_other_numbers_of_that_size_stay_numbers(agent, tmp_path, column):
    history = table(tmp_path / "t.csv", "k1,2025-03-01,hello,inbound")
    agent.ingest(history, customers=table(tmp_path / "c.csv", "k1,46082", "k2,46113", header=f"customer_id,{column}"))
    assert list(book.attributes(agent.history, "k1").values()) == ["46082"]


@pytest.mark.parametrize(
    ("column", "marked", "other"),
    [("is_deleted", "True", "False"), ("deleted_at", "2025-03-02", ""), ("_deleted", "1", "0")],
)
def test_records_marked_as_deleted_are_named_with_the_line_that_leaves_them_out(
    agent, tmp_path, said, column, marked, other
):
    header = f"customer_id,date,message,direction,{column}"
    rows = (f"k1,2025-03-01,I leave,inbound,{marked}", f"k1,2025-03-02,All is well,inbound,{other}")
    path = table(tmp_path / "t.csv", *rows, header=header)
    agent.ingest(path, dry_run=True)
    [note] = [line for line in said if "deleted" in line and "1 row is marked" in line]
    said.clear()
    put(tmp_path / "m.yaml", note.rpartition("to change it: ")[2])
    agent.ingest(path, mapping=tmp_path / "m.yaml")
    assert texts(agent, "k1") == ["All is well"]
    assert not [line for line in said if "marks as deleted" in line]


@pytest.mark.parametrize("status", ["wc-cancelled", "Refunded", "failed", "storniert"])
def test_amounts_of_orders_that_were_not_paid_are_named_and_can_be_left_out(agent, tmp_path, said, status):
    rows = ("k1,2025-03-01,order,99.00,completed", f"k1,2025-03-02,order,70.00,{status}")
    path = table(tmp_path / "o.csv", *rows, header="customer_id,date,channel,amount,status")
    agent.ingest(path, dry_run=True)
    [note] = [line for line in said if "added up as paid" in line]
    put(tmp_path / "m.yaml", note.rpartition("to change it: ")[2])
    agent.ingest(path, mapping=tmp_path / "m.yaml")
    statuses = [row.metadata["payment_status"] for row in stored(agent, "k1")]
    assert statuses[0] == "paid"
    assert statuses[1] in ("cancelled", "credited", "failed")


@pytest.mark.parametrize("nothing", ["NULL", "NaN", r"\N", "<NA>", "#NAME?"])
def test_what_programs_write_for_nothing_is_no_message(agent, tmp_path, nothing):
    path = table(tmp_path / "t.csv", f"k1,2025-03-01,{nothing},inbound", "k1,2025-03-02,None,inbound")
    agent.ingest(path)
    assert texts(agent, "k1") == ["None"]


def test_a_customer_whose_id_is_a_word_for_nobody_is_named(agent, tmp_path, said):
    agent.ingest(table(tmp_path / "t.csv", "nan,2025-03-01,I leave,inbound", "k1,2025-03-02,All is well,inbound"))
    assert [line for line in said if "'nan' may be several people" in line]


@pytest.mark.parametrize(("one", "other"), [("Kim@home.example", "kim@home.example"), ("k1", '"k1 "'), ("K-7", "k-7")])
def test_ids_that_look_alike_are_named_and_stay_apart(agent, tmp_path, said, one, other):
    agent.ingest(table(tmp_path / "t.csv", f"{one},2025-03-01,I leave,inbound", f"{other},2025-03-02,fine,inbound"))
    assert len(customers(agent)) == 2
    assert [line for line in said if "capitals or blanks alone" in line and repr(one) in line]


@pytest.mark.parametrize("text", ["Ich möchte kündigen", "C’est fini", "Хватит", "すみません"])
def test_letters_that_were_read_in_another_encoding_are_named(agent, tmp_path, said, text):
    garbled = text.encode().decode("latin-1")
    for number, (written, named) in enumerate(((garbled, True), (text, False))):
        said.clear()
        row = {"customer_id": "k1", "date": f"2025-03-0{number + 1}", "message": written, "direction": "inbound"}
        agent.ingest(put(tmp_path / f"{number}.json", [row]))
        assert bool([line for line in said if "garbled" in line]) is named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Visitor: I leave\nTim (Agent): You leave?", True),
        ("[10:00:03] Kundin: Ich gehe\n[10:00:09] Mitarbeiter: Wirklich?", True),
        ("Customer: I leave\nNothing else: no.", False),
        ("Contact: Kim\nSent: Monday\nI leave", False),
    ],
)
def test_a_text_with_the_words_of_both_sides_is_named(agent, tmp_path, said, text, named):
    row = {"customer_id": "k1", "date": "2025-03-01", "message": text, "direction": "inbound", "channel": "chat"}
    agent.ingest(put(tmp_path / "t.json", [row]))
    assert bool([line for line in said if "both sides" in line]) is named


def test_labels_that_contradict_each_other_are_named(agent, tmp_path, said):
    history = table(tmp_path / "t.csv", "k1,2025-03-01,hello,inbound", "k2,2025-03-01,hello,inbound")
    rows = ("k1,2025-02-01,yes", "k2,2025-02-01,no", "k1,2025-02-01,no", "k2,2025-02-01,no")
    agent.ingest(history, labels=table(tmp_path / "l.csv", *rows, header="customer_id,as_of,churned"))
    assert [line for line in said if "1 row contradicts" in line and "'k1' at 2025-02-01" in line]


@pytest.mark.parametrize("rating", [{"comment": "Nobody listens. I cancel.", "score": "bad"}, {"score": "good"}])
def test_words_beside_a_rating_in_zendesk_are_the_customers(agent, tmp_path, rating):
    comment = {"id": 1, "author_id": 10, "body": "Hello", "public": True, "created_at": "2026-01-05T10:00:00Z"}
    ticket = {"id": 1, "requester_id": 10, "updated_at": "2026-01-06T10:00:00Z", "satisfaction_rating": rating}
    users = [{"id": 10, "role": "end-user", "name": "Kim"}]
    agent.ingest(
        put(tmp_path / "t.json", {"tickets": [{**ticket, "comments": [comment]}], "users": users}), mapping="zendesk"
    )
    expected = [("customer", rating["comment"])] if "comment" in rating else []
    assert spoken(agent, "10") == [("customer", "Hello"), *expected]


@pytest.mark.parametrize("remark", ["Nobody listens. I cancel.", None])
def test_words_beside_a_rating_in_intercom_are_the_customers(agent, tmp_path, remark):
    author = {"type": "user", "id": "u1"}
    rating = {"rating": 1, "remark": remark, "created_at": 1767607250}
    conversation = {
        "id": "1", "created_at": 1767607200, "source": {"id": "s1", "body": "Hello", "author": author},
        "conversation_rating": rating,
    }  # fmt: skip
    agent.ingest(put(tmp_path / "c.json", {"conversations": [conversation]}), mapping="intercom")
    assert spoken(agent, "u1") == [("customer", "Hello"), *([("customer", remark)] if remark else [])]


@pytest.mark.parametrize(
    ("word", "amount", "named"),
    [("refund", "100.00", True), ("Credit Note", "€ 20,50", True), ("refund", "-100.00", False), ("refund", "(7.50)", False),
     ("Gutschrift", "5.00-", False), ("order", "100.00", False), ("refund", "0.00", False)],
)  # fmt: skip
def test_refunds_above_zero_are_named(agent, tmp_path, said, word, amount, named):
    rows = ("k1,2025-03-01,order,invoice,250.00", f'k1,2025-03-02,order,{word},"{amount}"')
    path = table(tmp_path / "o.csv", *rows, header="customer_id,date,channel,type,amount")
    put(tmp_path / "m.yaml", 'decimal: "."' if "," not in amount else 'decimal: ","')
    agent.ingest(path, mapping=tmp_path / "m.yaml")
    assert bool([line for line in said if "above zero" in line]) is named
