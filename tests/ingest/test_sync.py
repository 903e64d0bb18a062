"""An import is a sync, and can be taken back: twice equals once, and undoing equals never."""

import json
import sqlite3
from contextlib import closing
from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from churn_agent import ChurnAgent
from churn_agent.errors import DataError, InputError
from churn_agent.history import corrections
from tests.conftest import examples, write_csv

HEADER = "message_id,customer_id,timestamp,channel,direction,text,status"
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # each example opens stores
NOT_COMPARED = {"import_id", "position"}


def dump(store, *more_not_compared):
    """All rows of the history that an import can change, without the numbers of imports."""
    left_out = NOT_COMPARED.union(more_not_compared)
    with closing(sqlite3.connect(store / "history.db")) as connection:
        connection.row_factory = sqlite3.Row
        tables = ("interactions", "customers", "labels", "book", "corrections", "aliases", "measurements")
        rows = {
            table: sorted(
                json.dumps({k: row[k] for k in row.keys() if k not in left_out})  # noqa: SIM118 - sqlite3.Row
                for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
            )
            for table in tables
        }
        rows["versions"] = connection.execute("SELECT count(*) FROM versions").fetchone()[0]
    return rows


def texts(agent, customer_id):
    return [(row.text, row.metadata.get("status")) for row in agent.snapshot(customer_id).interactions]


def rows_of(*statuses):
    return [f"m{n},c-1,2026-02-0{n},chat,inbound,message {n},{status}" for n, status in enumerate(statuses, start=1)]


@pytest.fixture
def store(agent):
    return agent.settings.store


def test_next_weeks_export_updates_in_place(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "week1.csv", *rows_of("open", "open"), header=HEADER))
    summary = agent.ingest(write_csv(tmp_path / "week2.csv", *rows_of("closed", "open", "open"), header=HEADER))
    assert (summary.added, summary.updated, summary.already_known) == (1, 1, 2)
    assert texts(agent, "c-1") == [("message 1", "closed"), ("message 2", "open"), ("message 3", "open")]


@pytest.mark.parametrize("change", ["one more column", "a key", "no key", "another status"])
def test_the_same_rows_are_not_added_again(agent, tmp_path, change):
    header = "customer_id,timestamp,direction,author,text,status"
    row = "c-1,2026-02-01T10:00,inbound,Ana,hello,open"
    agent.ingest(write_csv(tmp_path / "a.csv", row, row, header=header))  # two equal rows stay two
    changed = {
        "one more column": (f"{row},x", f"{header},tag"),
        "a key": (f"{row},k", f"{header},message_id"),
        "no key": (row, header),
        "another status": (row.replace("open", "closed"), header),
    }
    row, header = changed[change]
    rows = [row, row.replace(",k", ",l")]
    summary = agent.ingest(write_csv(tmp_path / "b.csv", *rows, header=header))
    assert (summary.added, summary.already_known) == (0, 2)
    assert len(texts(agent, "c-1")) == 2


def test_a_card_that_comes_later_moves_times_and_doubles_nothing(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01 00:30,chat,hello")
    agent.ingest(path)
    (tmp_path / "card.yaml").write_text("company: Acme\ntime_zone: Europe/Zurich\n")
    agent.ingest([], card=tmp_path / "card.yaml")
    summary = agent.ingest(path)
    assert (summary.added, summary.updated) == (0, 1)
    [row] = agent.snapshot("c-1").interactions
    assert row.occurred_at.isoformat() == "2026-01-31T23:30:00+00:00"


def test_two_orders_of_one_day_stay_two_in_two_files(agent, tmp_path):
    header = "customer_id,timestamp,channel,amount"
    mapping = tmp_path / "m.yaml"
    mapping.write_text("defaults: {text: ''}\n")
    for name, amount in (("a", 10), ("b", 20)):
        agent.ingest(
            write_csv(tmp_path / f"{name}.csv", f"c-1,2026-02-01,order,{amount}", header=header), mapping=mapping
        )
    assert sorted(row.amount for row in agent.snapshot("c-1").interactions) == [10, 20]


def test_a_corrected_mapping_replaces_what_the_wrong_one_made(agent, store, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,note to self,hello", header="customer_id,date,text,words")
    lines = []
    agent.store._notify = lines.append
    agent.ingest(path)
    (tmp_path / "m.yaml").write_text("columns: {text: words}\n")
    summary = agent.ingest(path, mapping=tmp_path / "m.yaml")
    assert [row.text for row in agent.snapshot("c-1").interactions] == ["hello"]
    assert summary.replaced == 1
    assert any("this import replaces it" in line for line in lines)
    assert b"note to self" not in b"".join(
        file.read_bytes() for file in store.rglob("*") if file.is_file()
    ) or agent.snapshot("c-1").interactions[0].metadata == {"text": "note to self"}


ORDERS = ("c-1,2026-02-01,beans,3,gold,1", "c-1,2026-02-09,tea,4,gold,1")
ORDERS_HEADER = "customer_id,date,text,value,plan,churned"


@pytest.mark.parametrize("kind", ["measurements", "customers", "labels"])
@pytest.mark.parametrize("interactions_first", [True, False])
def test_a_file_imported_as_another_kind_of_data_takes_nothing_away(agent, tmp_path, kind, interactions_first):
    path = write_csv(tmp_path / "a.csv", *ORDERS, header=ORDERS_HEADER)
    words = {"measurements": "defaults: {metric: n}", "labels": "columns: {as_of: date}", "customers": "{}"}
    (tmp_path / "m.yaml").write_text(words[kind] + "\n")
    imports = [({"given": [path]}), {"given": [], kind: path, "mapping": tmp_path / "m.yaml"}]
    summaries = [agent.ingest(one.pop("given"), **one) for one in (imports if interactions_first else imports[::-1])]
    assert [summary.replaced for summary in summaries] == [None, None]
    assert [summary.import_id for summary in summaries] == [1, 2]
    snapshot = agent.snapshot("c-1", as_of=date(2026, 3, 1))
    assert [row.text for row in snapshot.interactions] == ["beans", "tea"]
    assert sum(getattr(summary, kind) for summary in summaries) > 0


def test_other_parts_of_one_file_are_other_data(agent, tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """CREATE TABLE mails (customer_id, date, text); INSERT INTO mails VALUES ('c-1', '2026-02-01', 'hello');
            CREATE TABLE reviews (customer_id, date, text, stars);
            INSERT INTO reviews VALUES ('c-1', '2026-02-01', 'nice', '5 stars')"""
        )
    for query in ("SELECT * FROM mails", "SELECT * FROM reviews"):
        assert agent.ingest(path, query=query).replaced is None
    assert sorted(row.text for row in agent.snapshot("c-1").interactions) == ["hello", "nice"]


ROW = {"customer_id": "c-1", "date": "2026-02-01"}


@pytest.mark.parametrize(
    ("document", "first", "second"),
    [
        (
            [ROW | {"mail": "hello", "review": "nice"}],
            "source: m\ncolumns: {text: mail}",
            "source: r\ncolumns: {text: review}",
        ),
        ({"m": [ROW | {"text": "hello"}], "r": [ROW | {"text": "nice"}]}, "records: m", "records: r"),
        (
            [ROW | {"m": [{"text": "hello"}], "r": [{"text": "nice"}]}],
            "each: m\ncolumns: {text: m.text}",
            "each: r\ncolumns: {text: r.text}",
        ),
    ],
)
def test_two_named_sources_or_lists_in_one_file_are_both_kept(agent, tmp_path, document, first, second):
    (tmp_path / "a.json").write_text(json.dumps(document))
    for mapping in (first, second):
        (tmp_path / "m.yaml").write_text(mapping + "\n")
        assert agent.ingest(tmp_path / "a.json", mapping=tmp_path / "m.yaml").replaced is None
    assert sorted(row.text for row in agent.snapshot("c-1").interactions) == ["hello", "nice"]


def test_a_replacing_import_says_what_is_gone_and_how_to_keep_it(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,3,4", header="customer_id,date,kilos,euros")
    lines = []
    agent.store._notify = lines.append
    for name in ("kilos", "euros"):
        (tmp_path / "m.yaml").write_text(f"columns: {{metric_value: {name}}}\ndefaults: {{metric: {name}}}\n")
        agent.ingest([], measurements=path, mapping=tmp_path / "m.yaml")
    said = "this import replaces it, without 1 measurement of it; to keep both, "
    assert any(said in line for line in lines)


def test_an_import_of_one_file_as_two_kinds_is_made_again_as_both(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", *ORDERS, header=ORDERS_HEADER)
    (tmp_path / "m.yaml").write_text("defaults: {metric: n}\n")
    agent.ingest(path, measurements=path, mapping=tmp_path / "m.yaml")
    (tmp_path / "m.yaml").write_text("defaults: {metric: n, channel: order}\n")
    summary = agent.store.redo_import(1, mapping=tmp_path / "m.yaml")
    assert (summary.already_known, summary.measurements) == (2, 2)
    assert {row.channel for row in agent.snapshot("c-1").interactions} == {"order"}


def test_rows_that_a_corrected_mapping_makes_as_well_keep_what_was_said_of_them(agent, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,chat,hello", header="customer_id,timestamp,channel,text")
    (tmp_path / "card.yaml").write_text("company: Acme\n")
    agent.ingest(path, card=tmp_path / "card.yaml")
    [row] = agent.snapshot("c-1").interactions
    with agent.history.begin() as connection:
        corrections.put(connection, row.id, "price", shown=True)
    summary = agent.ingest(path, card=tmp_path / "card.yaml", unknown_is="customer")
    assert (summary.replaced, summary.updated) == (1, 1)
    [same] = agent.snapshot("c-1").interactions
    assert (same.id, row.speaker, same.speaker) == (row.id, "unknown", "customer")
    [kept] = corrections.all_corrections(agent.history)
    assert (kept.interaction_id, kept.concept, kept.shown, kept.in_force) == (row.id, "price", True, True)
    assert agent.store.card.company == "Acme"


def test_the_keys_of_two_sources_are_not_mixed_up(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "a.csv", "1,c-1,2026-02-01,chat,inbound,hello,", header=HEADER))
    other = write_csv(tmp_path / "b.csv", "1,c-2,2026-03-01,email,inbound,something else,", header=HEADER)
    with pytest.raises(DataError, match=r"the key 'message_id:1' is already that of another record .*source: NAME"):
        agent.ingest(other)
    (tmp_path / "m.yaml").write_text("source: mails\n")
    assert agent.ingest(other, mapping=tmp_path / "m.yaml").added == 1
    assert texts(agent, "c-1")[0][0] == "hello"


KEYED = "message_id,customer_id,date,text,direction"
CONFLICTS = {
    "another day, a word in common": "1,c-1,2026-03-05,I stay,inbound",
    "another customer on the same day": "1,c-2,2026-03-01,all fine thanks,inbound",
    "another customer, a few words in common": "1,c-2,2026-03-01,I want to buy another seat,inbound",
    "another customer without words": "1,c-2,2026-03-01,,inbound",
    "another day": "1,c-1,2026-03-05,all good,inbound",
    "another day without blanks between words": "1,c-1,2026-03-05,ありがとう,inbound",
}


@pytest.mark.parametrize("row", CONFLICTS.values(), ids=CONFLICTS)
@pytest.mark.parametrize("imports", [1, 2])
def test_one_key_never_overwrites_the_words_of_another_record(agent, tmp_path, row, imports):
    """Whether they come in one import or in two."""
    files = [
        write_csv(tmp_path / "a.csv", "1,c-1,2026-03-01,I want to cancel,inbound", header=KEYED),
        write_csv(tmp_path / "b.csv", row, "2,c-3,2026-03-01,hello,inbound", header=KEYED),
    ]
    agent.ingest(write_csv(tmp_path / "0.csv", "0,c-1,2026-01-01,hi,inbound", header=KEYED))
    if imports == 2:
        agent.ingest(files.pop(0))
    with pytest.raises(DataError, match=r"b\.csv: the key 'message_id:1' is already that of another") as refused:
        agent.ingest(files)
    assert ("this import" if imports == 1 else "import 2") in str(refused.value)
    assert ("interaction_id: null" in str(refused.value)) == ("c-1,2026-03-05" in row)
    assert [row.text for row in agent.snapshot("c-1").interactions][1:] == ["I want to cancel"] * (imports - 1)


UPDATES = {
    "other words, same day": ("1,c-1,2026-03-01,all good,inbound", "all good"),
    "another day, most of the words": ("1,c-1,2026-03-05,I want to cancel now,inbound", "I want to cancel now"),
    "another customer and day, same words": ("1,c-2,2026-03-05,I want to cancel!,inbound", "I want to cancel!"),
    "no words any more": ("1,c-1,2026-03-01,,inbound", ""),
    "no words any more, another day": ("1,c-1,2026-03-05,,inbound", ""),
}


@pytest.mark.parametrize(("row", "text"), UPDATES.values(), ids=UPDATES)
def test_a_record_follows_the_row_with_its_key(agent, store, tmp_path, row, text):
    agent.ingest(write_csv(tmp_path / "a.csv", "1,c-1,2026-03-01,I want to cancel,inbound", header=KEYED))
    before = dump(store)
    new = "9,c-9,2026-03-01,,inbound"  # nothing to take away, nothing to add
    summary = agent.ingest(write_csv(tmp_path / "b.csv", row, "2,c-3,2026-03-01,hi,inbound", new, header=KEYED))
    assert (summary.added, summary.updated, summary.empty) == (1, 1, 1)
    customer = row.split(",")[1]
    assert [row.text for row in agent.snapshot(customer).interactions] == [text]
    agent.store.undo_import(2)
    assert dump(store) == before


def test_the_state_of_an_order_is_not_a_message(agent, tmp_path):
    header = "order_id,customer_id,date,channel,text,amount"
    mapping = tmp_path / "m.yaml"
    mapping.write_text("columns: {interaction_id: order_id}\n")
    for day, state in ((1, "unpaid"), (5, "settled")):
        path = write_csv(tmp_path / f"{state}.csv", f"1,c-1,2026-03-0{day},invoice,{state},10", header=header)
        agent.ingest(path, mapping=mapping)
    assert [row.text for row in agent.snapshot("c-1").interactions] == ["settled"]


def test_a_corrected_mapping_may_change_customer_day_and_words(agent, tmp_path):
    header = "message_id,customer_id,owner,date,closed,text,words"
    path = write_csv(tmp_path / "a.csv", "1,c-1,o-1,2026-03-01,2026-03-09,note,hello", header=header)
    agent.ingest(path, unknown_is="customer")
    (tmp_path / "m.yaml").write_text("columns: {customer_id: owner, occurred_at: closed, text: words}\n")
    agent.ingest(path, mapping=tmp_path / "m.yaml", unknown_is="customer")
    assert [row.text for row in agent.snapshot("o-1").interactions] == ["hello"]


def test_a_column_that_rows_share_is_not_a_key(agent, tmp_path):
    rows = ["m1,c-1,2026-02-01,chat,inbound,one,", "m1,c-1,2026-02-02,chat,inbound,two,"]
    summary = agent.ingest(write_csv(tmp_path / "a.csv", *rows, header=HEADER))
    assert (summary.added, [guess.about for guess in summary.guesses]) == (2, ["message_id"])


def test_an_import_that_is_undone_never_was(agent, store, tmp_path):
    agent.ingest(write_csv(tmp_path / "a.csv", *rows_of("open", "open"), header=HEADER))
    before = dump(store)
    (tmp_path / "card.yaml").write_text("company: Acme\n")
    agent.ingest(
        write_csv(tmp_path / "b.csv", *rows_of("closed", "open", "secret"), header=HEADER),
        customers=write_csv(tmp_path / "c.csv", "c-1,gold", header="customer_id,plan"),
        labels=write_csv(tmp_path / "l.csv", "c-1,2026-02-03,1", header="customer_id,as_of,churned"),
        card=tmp_path / "card.yaml",
    )
    assert dump(store) != before
    agent.store.undo_import(2)
    assert dump(store) == before
    with pytest.raises(InputError, match="is undone already"):
        agent.store.undo_import(2)
    with pytest.raises(InputError, match="no import 7"):
        agent.store.undo_import(7)


def test_attributes_add_up_and_wipe_nothing(agent, tmp_path):
    agent.ingest(
        write_csv(tmp_path / "a.csv", "c-1,2026-02-01,chat,hello"),
        customers=write_csv(tmp_path / "b.csv", "c-1,Ana,12000", header="customer_id,owner,arr"),
    )
    agent.ingest([], customers=write_csv(tmp_path / "c.csv", "c-1,Bo", header="customer_id,owner"))
    assert agent.snapshot("c-1").attributes == {"owner": "Bo", "arr": "12000"}
    agent.store.undo_import(2)
    assert agent.snapshot("c-1").attributes == {"owner": "Ana", "arr": "12000"}


def test_attributes_are_not_known_before_their_import(agent, tmp_path):
    rows = ["c-1,2026-01-01,chat,hello", "c-1,2026-02-01,chat,hello again"]
    people = ["c-1,gold,", "c-2,iron,2026-01-01"]
    agent.ingest(
        write_csv(tmp_path / "a.csv", *rows, "c-2,2026-01-01,chat,hi"),
        customers=write_csv(tmp_path / "b.csv", *people, header="customer_id,plan,known_from"),
    )
    assert agent.snapshot("c-1", as_of="2026-02-01").attributes == {"plan": "gold"}
    assert agent.snapshot("c-1", as_of="2026-01-31").attributes == {}
    assert agent.snapshot("c-2", as_of="2026-01-31").attributes == {"plan": "iron"}


def test_merged_customers_stay_merged_and_can_be_split(agent, store, tmp_path):
    path = write_csv(tmp_path / "a.csv", "lead-1,2026-01-01,chat,hello", "user-1,2026-02-01,chat,hi")
    agent.ingest(path, customers=write_csv(tmp_path / "b.csv", "lead-1,gold", header="customer_id,plan"))
    before = dump(store)
    assert agent.store.merge_customers("lead-1", "user-1") == 1
    assert [row.text for row in agent.snapshot("user-1").interactions] == ["hello", "hi"]
    assert agent.snapshot("user-1").attributes == {"plan": "gold"}
    agent.ingest(write_csv(tmp_path / "c.csv", "lead-1,2026-01-01,chat,hello", "lead-1,2026-03-01,chat,later"))
    assert [row.text for row in agent.snapshot("user-1").interactions] == ["hello", "hi", "later"]
    agent.store.undo_import(2)
    assert agent.store.split_customer("lead-1") == 1
    assert dump(store) == before


ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.sampled_from(["a", "b", "c"]), st.booleans()),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=examples(15), deadline=None, phases=NO_SHRINKING)
@given(exports=st.lists(ROWS, min_size=2, max_size=4), undone=st.integers(0, 3))
def test_undoing_any_import_equals_never_having_made_it(exports, undone, tmp_path_factory):
    """Exports of the same keyed rows with other customers, texts and metadata, in any order."""
    undone %= len(exports)
    folder = tmp_path_factory.mktemp("undo")
    files = []
    for n, export in enumerate(exports):
        unique = {key: (key, customer, status, text) for key, customer, status, text in export}
        rows = [f"k{k},c-{c},2026-02-0{k},chat,inbound,text {k}{'!' * t},{s}" for k, c, s, t in unique.values()]
        files.append(
            write_csv(folder / f"{n}.csv", *rows, f"only{n},c-9,2026-03-0{n + 1},chat,inbound,{n},", header=HEADER)
        )
    dumps = []
    for name in ("with", "without"):
        with ChurnAgent.open(folder / name, model="scripted") as agent:
            for n, file in enumerate(files):
                if name == "with" or n != undone:
                    agent.ingest(file)
            if name == "with":
                agent.store.undo_import(undone + 1)
        dumps.append(dump(folder / name, "id") | {"versions": 0})  # an id is that of the first content
    assert dumps[0] == dumps[1]


@settings(max_examples=examples(15), deadline=None, phases=NO_SHRINKING)
@given(export=ROWS)
def test_importing_twice_equals_importing_once(export, tmp_path_factory):
    folder = tmp_path_factory.mktemp("twice")
    rows = [f"c-{c},2026-02-0{k},chat,text {k}{'!' * t},{s}" for k, c, s, t in export]
    path = write_csv(folder / "a.csv", *rows, header="customer_id,timestamp,channel,text,status")
    with ChurnAgent.open(folder / "store", model="scripted") as agent:
        agent.ingest(path)
        once = dump(folder / "store")
        summary = agent.ingest(path)
        assert (summary.added, summary.updated) == (0, 0)
        assert dump(folder / "store") == once


def test_making_an_import_again_in_the_same_way_changes_nothing(agent, store, tmp_path):
    labels = write_csv(tmp_path / "labels.csv", "c-1,2026-02-01,1", header="customer_id,as_of,churned")
    people = write_csv(tmp_path / "people.csv", "c-1,smb", header="customer_id,segment")
    agent.ingest(write_csv(tmp_path / "a.csv", *rows_of("open"), header=HEADER), labels=labels, customers=people)
    before = dump(store)
    agent.store.redo_import(1)
    assert dump(store) == before


FORMS = {
    "an author": (
        ("customer_id,date,text,direction", ["c-1,2026-03-01,hello,inbound", "c-1,2026-03-01,hello,inbound"]),
        ("customer_id,date,text,direction,author", ["c-1,2026-03-01,hello,inbound,Ann"] * 2),
        ["hello", "hello"],
    ),
    "line ends and blanks": (
        ("customer_id,date,text,direction", ['c-1,2026-03-01,"I cancel\nnow",inbound']),
        ("customer_id,date,text,direction", ['c-1,2026-03-01,"I cancel\r\nnow ",inbound']),
        ["I cancel now"],
    ),
    "a thread from its second message": (
        (
            "customer_id,date,subject,text,direction",
            ["c-1,2026-03-01,Bill,First mail,inbound", "c-1,2026-03-02,Bill,Second mail,inbound"],
        ),
        (
            "customer_id,date,subject,text,direction",
            ["c-1,2026-03-02,Bill,Second mail,inbound", "c-1,2026-03-03,Bill,Third mail,inbound"],
        ),
        ["Bill First mail", "Second mail", "Third mail"],
    ),
    "a thread from its second message, with keys": (
        (KEYED + ",subject", ["1,c-1,2026-03-01,First mail,inbound,Bill", "2,c-1,2026-03-02,Second mail,inbound,Bill"]),
        (KEYED + ",subject", ["2,c-1,2026-03-02,Second mail,inbound,Bill", "3,c-1,2026-03-03,Third mail,inbound,Bill"]),
        ["Bill First mail", "Second mail", "Third mail"],
    ),
}


@pytest.mark.parametrize(("one", "other", "texts"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("way", ["one import", "two imports", "the other first"])
def test_a_row_in_another_form_is_the_same_row(agent, store, tmp_path, one, other, texts, way):
    files = [write_csv(tmp_path / f"{n}.csv", *rows, header=header) for n, (header, rows) in enumerate((one, other))]
    if way == "the other first":
        files.reverse()
    for sources in [files] if way == "one import" else files:
        agent.ingest(sources)
    assert [" ".join(row.text.split()) for row in agent.snapshot("c-1").interactions] == texts
    assert [agent.ingest(file).added for file in files] == [0, 0]
    assert len(dump(store)["interactions"]) == len(texts)


@pytest.mark.parametrize(
    "row",
    [
        "c-1,2026-03-01,hello,outbound,,",
        "c-1,2026-03-01,hello,inbound,Bob,",
        "c-1,2026-03-01,hello,inbound,,email",
        "c-1,2026-03-02,hello,inbound,Ann,",
        "c-2,2026-03-01,hello,inbound,Ann,",
        "c-1,2026-03-01,hello you,inbound,Ann,",
    ],
)
def test_a_row_that_differs_in_what_identifies_it_is_another(agent, tmp_path, row):
    header = "customer_id,date,text,direction,author,channel"
    agent.ingest(write_csv(tmp_path / "a.csv", "c-1,2026-03-01,hello,inbound,Ann,", header=header))
    assert agent.ingest(write_csv(tmp_path / "b.csv", row, header=header)).added == 1


def test_rows_of_one_file_are_never_one(agent, tmp_path):
    header = "customer_id,date,text,direction,author"
    agent.ingest(write_csv(tmp_path / "0.csv", "c-0,2026-03-01,hello,inbound,Ann", header=header))
    rows = [f"c-1,2026-03-01,hello{blank},inbound,{author}" for blank in ("", " ") for author in ("", "Ann")]
    path = write_csv(tmp_path / "a.csv", *rows, header=header)
    assert agent.ingest(path).added == 4
    more = write_csv(tmp_path / "b.csv", *rows[::-1], "c-1,2026-03-01,hello,inbound,Bob", header=header)
    assert agent.ingest(more).added == 1


def test_a_corrected_mapping_joins_a_subject_that_the_wrong_one_left_out(agent, tmp_path):
    header = "message_id,customer_id,date,subject,text,direction"
    path = write_csv(tmp_path / "a.csv", "1,c-1,2026-03-01,Bill,too high,inbound", header=header)
    for name, mapping in (("wrong", "columns: {subject: null}\n"), ("right", "columns: {subject: subject}\n")):
        (tmp_path / f"{name}.yaml").write_text(mapping)
        agent.ingest(path, mapping=tmp_path / f"{name}.yaml")
    assert [row.text for row in agent.snapshot("c-1").interactions] == ["Bill\n\ntoo high"]


THREAD = "customer_id,date,subject,text,direction"
EXPORTS = {
    "a": ["c-1,2026-03-01,Bill,First mail,inbound,open", "c-1,2026-03-02,Bill,Second mail,inbound,open"],
    "b": ["c-1,2026-03-02,Bill,Second mail,inbound,open", "c-1,2026-03-03,Bill,Third mail,inbound,open"],
    "c": ["c-1,2026-03-02,Bill,Second mail,inbound,closed"],
    "d": ["c-1,2026-03-01,Bill,First mail,inbound,closed", "c-1,2026-03-02,Bill,Second mail,inbound,closed"],
}


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    "order", ["ab", "ba", *(pytest.param(order, marks=pytest.mark.slow) for order in ("abc", "acb", "abcd", "cadb"))]
)
def test_undoing_an_export_equals_never_having_had_it_also_in_a_thread(tmp_path, order, keyed):
    def files(names):
        for name in names:
            rows = [f"{row},{row[4:14] if keyed else ''}" for row in EXPORTS[name]]
            yield write_csv(tmp_path / f"{name}.csv", *rows, header=f"{THREAD},status,message_id")

    def state(opened):
        rows = opened.snapshot("c-1").interactions
        return [(row.text, row.original, row.marks, row.metadata) for row in rows]

    for n, undone in enumerate(order, start=1):
        folder = tmp_path / f"{order}-{n}"
        with ChurnAgent.open(folder / "with") as all_, ChurnAgent.open(folder / "without") as others:
            for file in files(order):
                all_.ingest(file)
            for file in files(order.replace(undone, "")):
                others.ingest(file)
            all_.store.undo_import(n)
            assert state(all_) == state(others), undone
            dumps = [dump(folder / store, "id") for store in ("with", "without")]
            assert dumps[0]["interactions"] == dumps[1]["interactions"]
            rest = [number for number in range(1, len(order) + 1) if number != n]
            for number in rest:
                all_.store.undo_import(number)
            emptied = dump(folder / "with")
            assert (emptied["interactions"], emptied["versions"]) == ([], 0)
