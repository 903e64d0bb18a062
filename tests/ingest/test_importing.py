import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.snapshot import Card
from churn_agent.errors import DataError, FileFormatError, InputError
from churn_agent.history import book, interactions
from churn_agent.ingest.formats.times import TimeFormat
from churn_agent.settings import Settings
from tests.conftest import write_csv

ROW = "c-1,2026-02-01T10:00:00+01:00,email,hello"
SETS = """amazon_music_reviews bank_card_attrition banking77_closure_intent churn_intent_chat_de churn_intent_chat_en
dev_chat online_retail oulad_withdrawal saas_ravenstack_synthetic student_dropout telco_ibm""".split()
LARGE = ("dev_chat", "bank_card_attrition")


def stored(agent, customer_id):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def test_a_second_import_changes_nothing_and_equal_rows_stay_two(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", ROW, ROW, "c-2,2026-02-01,chat,hi")
    first = agent.ingest([path])
    second = agent.ingest([path])
    assert (first.added, first.already_known) == (3, 0)
    assert (second.added, second.already_known) == (0, 3)
    assert len(stored(agent, "c-1")) == 2


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"query": "SELECT 1"}, "--query is not used: no source is a database"),
        ({"sheet": "Q9"}, "--sheet Q9 is not used: no source is a workbook (.xlsx)"),
        ({"own": ("Tim", "@acme.example")}, "--own Tim,@acme.example is not used: no source has a column of authors"),
    ],
)
def test_an_option_that_no_source_can_use_is_named(agent, tmp_path, options, line):
    lines = []
    agent.store._notify = lines.append
    agent.ingest([write_csv(tmp_path / "a.csv", ROW)], **options)
    assert lines.count(line) == 1
    agent.ingest([write_csv(tmp_path / "a.csv", ROW)])
    assert lines.count(line) == 1


@pytest.mark.parametrize("own", ["@", ".", " ", "@."])
def test_what_can_be_nobodys_name_is_refused(agent, tmp_path, own):
    with pytest.raises(InputError, match="--own"):
        agent.ingest([write_csv(tmp_path / "a.csv", ROW)], own=("Tim", own))


def test_customer_ids_are_opaque(agent, tmp_path):
    ids = ["007", "7", " 7", "A", "a", "ﬁ", "fi", "1.0", "None", "nan", "x" * 300]
    path = tmp_path / "a.jsonl"
    rows = [{"customer_id": id_, "timestamp": "2026-02-01", "text": "hello"} for id_ in ids]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    agent.ingest([path])
    assert set(interactions.customer_ids(agent.history)) == set(ids)


def test_what_has_no_field_is_kept_as_metadata(agent, tmp_path):
    agent.ingest(
        [write_csv(tmp_path / "a.csv", ROW + ",A-7,", header="customer_id,timestamp,channel,text,Order No,empty")]
    )
    [found] = stored(agent, "c-1")
    assert found.metadata == {"order_no": "A-7"}
    assert (found.occurred_at, found.utc_offset_minutes) == (datetime(2026, 2, 1, 9, tzinfo=UTC), 60)


def test_gzip_and_json_lines_and_csv_give_the_same_history(agent, tmp_path):
    text = "customer_id,timestamp,channel,text\n" + ROW + "\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    row = dict(zip(("customer_id", "timestamp", "channel", "text"), ROW.split(","), strict=True))
    (tmp_path / "b.jsonl").write_text(json.dumps(row))
    write_csv(tmp_path / "c.csv", ROW)
    added = [agent.ingest([tmp_path / name]).added for name in ("a.csv.gz", "b.jsonl", "c.csv")]
    assert added == [1, 0, 0]


@pytest.mark.parametrize(
    ("column", "channel"), [("review_text", "review"), ("tweet", "social"), ("message", "message")]
)
def test_reviews_and_posts_are_known_by_the_column_of_their_text(agent, tmp_path, column, channel):
    agent.ingest(write_csv(tmp_path / "a.csv", "u-1,2026-02-01,fine,4", header=f"user_id,date,{column},rating"))
    [found] = stored(agent, "u-1")
    assert (found.channel, found.text, found.metadata) == (channel, "fine", {"rating": "4"})


def test_a_mapping_names_columns_and_defaults(agent, tmp_path):
    (tmp_path / "m.yaml").write_text(
        "columns: {customer_id: Kunde, occurred_at: Wann, text: Was}\ndefaults: {channel: fax}\n"
    )
    path = write_csv(tmp_path / "a.csv", "c-9,2026-02-01,Hallo", header="Kunde,Wann,Was")
    agent.ingest([path], mapping=tmp_path / "m.yaml")
    assert stored(agent, "c-9")[0].channel == "fax"


def test_a_mapping_with_an_unknown_field_is_refused(agent, tmp_path):
    (tmp_path / "m.yaml").write_text("columns: {customer: Kunde}\n")
    with pytest.raises(DataError, match="unknown field 'customer'"):
        agent.ingest([write_csv(tmp_path / "a.csv", ROW)], mapping=tmp_path / "m.yaml")


def test_a_bad_row_is_named_and_the_others_are_taken(agent, tmp_path):
    bad = [
        "c-1,yesterday,chat,hi",
        ",2026-02-01,chat,hi",
        "c-1,2026-02-01,chat,hi,there",
        "c-1,0001-01-01T00:00+14:00,chat,hi",
    ]
    summary = agent.ingest([write_csv(tmp_path / "a.csv", ROW, *bad)])
    assert summary.added == 1
    assert [(each["line"], each["reason"].split(" (")[0]) for each in summary.first_rejected] == [
        (3, "the time 'yesterday' is not a time"),
        (4, "the customer id is empty"),
        (5, "6 cells where the header has 5"),
        (6, "the time '0001-01-01T00:00+14:00' stands for none"),
    ]


@pytest.mark.parametrize("amount", ["1e999", "12 apples", "--3"])
def test_a_text_is_not_lost_for_an_amount_that_is_not_a_number(agent, tmp_path, amount):
    header = "customer_id,timestamp,text,amount"
    many = [f"c-1,2026-02-{n % 28 + 1:02},x {n},3" for n in range(60)]
    path = write_csv(
        tmp_path / "a.csv", *many, f"c-2,2026-02-01,x,{amount}", f"c-3,2026-02-01,,{amount}", header=header
    )
    summary = agent.ingest([path])
    assert (summary.added, summary.rejected) == (61, 1)
    [row] = stored(agent, "c-2")
    assert (row.text, row.amount, row.metadata) == ("x", None, {"amount": amount})


def test_a_failing_file_takes_the_whole_import_back(agent, tmp_path):
    good = write_csv(tmp_path / "a.csv", ROW)
    bad = tmp_path / "b.csv"
    bad.write_bytes(b"customer_id,timestamp,text\nc-1,2026-02-01,gr\xfc\xdf\n")
    (tmp_path / "card.yaml").write_text("company: Acme\n")
    with pytest.raises(FileFormatError, match="line 2 is not UTF-8"):
        agent.ingest([good, bad], card=tmp_path / "card.yaml")
    assert interactions.count(agent.history) == 0
    assert book.card(agent.history) is None


def test_a_dry_run_stores_nothing_and_tells_what_it_would_do(agent, tmp_path):
    summary = agent.ingest([write_csv(tmp_path / "a.csv", ROW)], dry_run=True)
    assert summary.added == 1
    assert summary.examples[0].interactions[0].text == "hello"
    assert interactions.count(agent.history) == 0


def test_a_missing_column_is_named_with_those_that_are_there(agent, tmp_path):
    with pytest.raises(DataError, match=r"no column for 'customer_id'; the header has who, timestamp, text"):
        agent.ingest([write_csv(tmp_path / "a.csv", "a,2026-02-01,b", header="who,timestamp,text")])


def test_a_card_with_an_unknown_key_names_file_and_line(agent, tmp_path):
    (tmp_path / "card.yaml").write_text("company: Acme\nhorizon: 90\n")
    with pytest.raises(FileFormatError, match=r"card\.yaml:2: horizon"):
        agent.ingest([], card=tmp_path / "card.yaml")


def test_a_card_of_the_same_company_updates_the_stored_one(agent, tmp_path):
    card = tmp_path / "card.yaml"
    for horizon, company in ((90, "Acme"), (90, "Acme"), (30, "ACME")):
        card.write_text(f"company: {company}\nhorizon_days: {horizon}\n")
        agent.ingest([], card=card)
        assert agent.store.card.horizon_days == horizon


def test_a_company_may_be_named_later_and_not_forgotten(agent, tmp_path):
    card = tmp_path / "card.yaml"
    card.write_text("horizon_days: 30\n")
    agent.ingest([], card=card)
    card.write_text("company: Acme\n")
    agent.ingest([], card=card)
    card.write_text("horizon_days: 60\n")
    with pytest.raises(InputError, match="the store holds the book of 'Acme'"):
        agent.ingest([], card=card)
    assert agent.store.card.company == "Acme"


@pytest.mark.parametrize("text", ["", "\n", "# company: Acme\n", "{}"])
def test_an_empty_card_changes_nothing(agent, tmp_path, text):
    card = tmp_path / "card.yaml"
    card.write_text("company: Acme\nhorizon_days: 30\n")
    agent.ingest([], card=card)
    before = agent.store.card
    card.write_text(text)
    for replace_card in (False, True):
        with pytest.raises(DataError, match=r"card\.yaml: the card is empty"):
            agent.ingest([], card=card, replace_card=replace_card)
    assert agent.store.card == before


def test_attributes_and_labels_have_tables_of_their_own(agent, tmp_path):
    (tmp_path / "interactions.csv").write_text("customer_id,timestamp,text\n007,2026-02-01,hi\n")
    (tmp_path / "customers.csv").write_text("customer_id,plan\n007,gold\n")
    (tmp_path / "labels.csv").write_text(
        "customer_id,as_of,churned\n007,2026-02-02,1\n007,soon,1\n007,2026-02-03,maybe\n"
    )
    (tmp_path / "card.yaml").write_text("company: Acme\nhorizon_days: 30\n")
    summary = agent.ingest([tmp_path])
    assert (summary.customers, summary.labels, summary.rejected) == (1, 1, 2)
    assert book.attributes(agent.history, "007") == {"plan": "gold"}
    assert book.card(agent.history) == Card(company="Acme", horizon_days=30)


def test_times_without_an_offset_are_in_the_books_zone():
    zone = Card(time_zone="Europe/Zurich").zone
    local, zoned = (TimeFormat().parse(text, zone) for text in ("2026-07-01T00:30", "2026-07-01T00:30Z"))
    assert (local.utc, local.offset_minutes) == (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), 120)
    assert (zoned.utc, zoned.offset_minutes) == (datetime(2026, 7, 1, 0, 30, tzinfo=UTC), 0)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_survives_in_any_offset(moment, minutes):
    sign = "-" if minutes < 0 else "+"
    written = f"{moment.isoformat()}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    time = TimeFormat().parse(written, Card().zone)
    assert time.utc == datetime.fromisoformat(written)
    assert time.offset_minutes == minutes


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.slow] if each in LARGE else []) for each in SETS]
)
def test_every_labelled_set_comes_in_without_a_mapping(tmp_path, scripted, data, name):
    with ChurnAgent(Settings.load(store=tmp_path / "store"), model=scripted) as agent:
        summary = agent.ingest([data / name])
        assert summary.added > 0
        assert summary.labels > 0
        assert summary.rejected == 0


def test_a_file_that_is_not_there_is_refused(agent, tmp_path):
    with pytest.raises((DataError, InputError), match="file not found"):
        agent.ingest([tmp_path / "nothing.csv"])
