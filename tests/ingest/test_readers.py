"""Every kind of source gives the same history; what cannot be read is refused in one line."""

import gzip
import json
import sqlite3
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage

import duckdb
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churn_agent.errors import DataError
from churn_agent.history import interactions
from churn_agent.ingest.questions import NeedsAnswer
from tests.conftest import write_csv

HEADER = ["customer_id", "timestamp", "channel", "text", "amount"]
ROWS = [
    ("007", "2026-02-01T10:00:00+01:00", "chat", "The line is down.", None),
    ("c-2", "2026-02-02", "order", "tea", 4.5),
]


def stored(agent, customer_id):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def frame():
    return pd.DataFrame(ROWS, columns=HEADER)


def as_parquet(folder):
    frame().to_parquet(folder / "a.parquet")
    return {"given": folder / "a.parquet"}


def as_xlsx(folder):
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for row in ROWS:
        book.active.append(row)
    book.save(folder / "a.xlsx")
    return {"given": folder / "a.xlsx"}


def as_sqlite(folder):
    with sqlite3.connect(folder / "a.sqlite") as connection:
        frame().to_sql("interactions", connection, index=False)
    connection.close()
    return {"given": folder / "a.sqlite"}


def as_sql_address(folder):
    as_sqlite(folder)
    return {"given": f"sqlite:///{folder}/a.sqlite", "query": "SELECT * FROM interactions WHERE 1"}


def as_duckdb(folder):
    with duckdb.connect(str(folder / "a.duckdb")) as connection:
        connection.register("given", frame())
        connection.execute("CREATE TABLE anything AS SELECT * FROM given")
    return {"given": folder / "a.duckdb"}


def as_json_document(folder):
    rows = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    (folder / "a.json").write_text(json.dumps({"meta": 1, "rows": rows}))
    return {"given": folder / "a.json"}


def as_glob(folder):
    write_csv(folder / "x1.csv", ",".join(map(str, ROWS[0][:4])))
    write_csv(folder / "x2.csv", ",".join(map(str, ROWS[1])), header=",".join(HEADER))
    return {"given": str(folder / "x*.csv")}


SOURCES = [as_parquet, as_xlsx, as_sqlite, as_sql_address, as_duckdb, as_json_document, as_glob]
FRAMES = [frame, lambda: pl.DataFrame(ROWS, HEADER, orient="row"), lambda: pa.Table.from_pandas(frame())]


@pytest.mark.parametrize("write", SOURCES)
def test_every_kind_of_file_gives_the_same_history(agent, tmp_path, write):
    source = write(tmp_path)
    agent.ingest(**source)
    [first], [second] = stored(agent, "007"), stored(agent, "c-2")
    assert (first.text, first.amount, first.utc_offset_minutes) == ("The line is down.", None, 60)
    assert (second.channel, second.text, second.amount) == ("order", "tea", 4.5)
    assert agent.ingest(**source).added == 0


@pytest.mark.parametrize("make", FRAMES, ids=["pandas", "polars", "arrow"])
def test_data_frames_come_in_as_they_are(agent, make):
    assert agent.ingest(make()).added == 2
    assert stored(agent, "c-2")[0].amount == 4.5


def test_typed_cells_lose_nothing(agent):
    when = datetime(2026, 2, 1, 10, tzinfo=UTC)
    table = pd.DataFrame({"customer_id": [7.0, 8.0], "timestamp": [when, pd.NaT], "text": ["hi", "no time"]})
    summary = agent.ingest(table)
    assert stored(agent, "7")[0].occurred_at == when
    assert summary.rejected == 1


@pytest.mark.parametrize("ending", ["parquet", "xlsx", "duckdb", "sqlite", "vtt", "srt", "mbox", "json", "docx"])
def test_a_file_that_is_not_what_its_name_says_is_one_line(agent, tmp_path, ending):
    path = tmp_path / f"c-1_2026-01-01.{ending}"
    path.write_bytes(b"this is nothing of the kind\n" * 20)
    with pytest.raises(DataError) as caught:
        agent.ingest(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value) or "database" in str(caught.value)


SHEET = "xl/worksheets/sheet1.xml"
PARTS = ("[Content_Types].xml", "xl/_rels/workbook.xml.rels", "xl/workbook.xml", "xl/styles.xml", SHEET)
ONE_ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaa">]>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">%s]>' % b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9)
)


def change_part(path, name, change):
    """Writes a part of a spreadsheet anew."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[name] = change(parts.get(name, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)


@pytest.mark.parametrize("part", PARTS)
def test_a_spreadsheet_with_a_damaged_part_is_one_line(agent, tmp_path, part):
    path = as_xlsx(tmp_path)["given"]
    change_part(path, part, lambda content: content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.xlsx: not a readable spreadsheet") as caught:
        agent.ingest(path)
    assert "\n" not in str(caught.value)
    assert interactions.count(agent.history) == 0


@pytest.mark.parametrize("dtd", [ONE_ENTITY, LAUGHS, b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'])
def test_a_spreadsheet_with_entities_is_refused(agent, tmp_path, dtd):
    path = as_xlsx(tmp_path)["given"]
    change_part(path, SHEET, lambda content: dtd + content.partition(b"?>")[2] if b"?>" in content else dtd + content)
    with pytest.raises(DataError, match="not a readable spreadsheet"):
        agent.ingest(path)


def test_a_spreadsheet_that_unpacks_without_end_is_refused_unread(agent, tmp_path):
    path = as_xlsx(tmp_path)["given"]
    change_part(path, "xl/media/image.png", lambda _: bytes(101_000_000))
    with pytest.raises(DataError, match="unpacks to 101 MB"):
        agent.ingest(path)


def test_a_damaged_compressed_file_is_one_line(agent, tmp_path):
    rows = "".join(f"c-{n},2026-02-01,chat,{n * 2654435761 % 2**32}\n" for n in range(2000))
    packed = bytearray(gzip.compress(f"customer_id,timestamp,channel,text\n{rows}".encode()))
    packed[10] = 0xFF  # a kind of block that there is not
    (tmp_path / "a.csv.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.csv\.gz") as caught:
        agent.ingest(tmp_path / "a.csv.gz")
    assert "\n" not in str(caught.value)


def test_a_database_with_several_tables_asks_for_a_query(agent, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.executescript("CREATE TABLE a (x); CREATE TABLE b (x);")
    connection.close()
    with pytest.raises(DataError, match=r"--query; the tables are a, b"):
        agent.ingest(tmp_path / "a.db")


def test_a_query_cannot_write(agent, tmp_path):
    as_sqlite(tmp_path)
    with pytest.raises(DataError):
        agent.ingest(tmp_path / "a.sqlite", query="DELETE FROM interactions")
    assert agent.ingest(tmp_path / "a.sqlite").added == 2


def mail(sender, to, body, *, subject="", html=None, date="Sun, 01 Feb 2026 10:00:00 +0100", number=1):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Date"] = sender, to, subject, date
    message["Message-ID"] = f"<{number}@x.example>"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def mailbox(path, *messages):
    path.write_bytes(b"".join(b"From x Sun Feb  1 10:00:00 2026\n" + each.as_bytes() + b"\n" for each in messages))
    return path


def test_a_mailbox_knows_who_is_the_customer_and_cuts_what_was_quoted(agent, tmp_path):
    ours, theirs = "support@acme.example", "Ana Muster <ana@home.example>"
    reply = "No, it still does not work!\n\nOn Sun, Feb 1, 2026 at 9:00 AM Support <support@acme.example> wrote:\n> Solved?\n"
    path = mailbox(
        tmp_path / "a.mbox",
        mail(theirs, ours, "It broke yesterday.\n\nBest regards,\nAna Muster", subject="Broken router", number=1),
        mail(ours, theirs, "Solved?", subject="Re: Broken router", number=2, date="Sun, 01 Feb 2026 11:00:00 +0100"),
        mail(theirs, ours, reply, subject="Re: Broken router", number=3, date="Sun, 01 Feb 2026 12:00:00 +0100"),
        mail("bo@else.example", ours, "Hello", number=4),
    )
    with pytest.raises(NeedsAnswer, match=r"seem.* to be that of acme\.example .*--own"):
        agent.ingest(path)
    summary = agent.ingest(path, yes=True)
    assert summary.own == ("acme.example",)
    found = stored(agent, "ana@home.example")
    assert [(each.direction, each.text) for each in found] == [
        ("inbound", "Broken router\n\nIt broke yesterday."),
        ("outbound", "Solved?"),
        ("inbound", "No, it still does not work!"),
    ]
    assert "wrote:" in found[2].original
    assert summary.cleaning == {"signature": 1, "quote": 1}


def test_mails_may_be_html_in_any_charset_or_broken(agent, tmp_path):
    good = mail("a@b.example", "us@acme.example", "x", html="<p>Ich k&uuml;ndige.</p>")
    good.get_body(("plain",)).set_content("")
    broken = b"From: a@b.example\nTo: us@acme.example\nDate: soon\n\nhi\n"
    latin = (
        b"From: u@b.example\nTo: us@acme.example\nDate: Sun, 01 Feb 2026 10:00:00 +0100\n"
        b'Content-Type: text/plain; charset="latin1"\n\nGr\xfc\xdfe aus Bern\n'
    )
    (tmp_path / "1.eml").write_bytes(broken)
    (tmp_path / "2.eml").write_bytes(latin)
    with pytest.raises(DataError, match="not even its only row can"):
        agent.ingest(tmp_path / "1.eml", own=["acme.example"])
    agent.ingest(tmp_path / "2.eml", own=["acme.example"])
    assert stored(agent, "u@b.example")[0].text == "Grüße aus Bern"


@pytest.mark.parametrize("header", ["From", "To", "Content-Type"])
def test_a_mail_with_comments_in_comments_is_read_as_far_as_it_goes(agent, tmp_path, header):
    ours, nested = "us@acme.example", "(" * 5000
    good = mail("ana@home.example", ours, "It broke.").as_bytes()
    headers = {"From": "bo@home.example", "To": ours, "Date": "Sun, 01 Feb 2026 10:00:00 +0100"}
    headers[header] = f"{nested}{headers.get(header, 'text/plain')}"
    bad = "".join(f"{name}: {value}\n" for name, value in headers.items()).encode() + b"\nhello\n"
    path = tmp_path / "a.mbox"
    path.write_bytes(b"".join(b"From x Sun Feb  1 10:00:00 2026\n" + each + b"\n" for each in (bad, good)))
    summary = agent.ingest(path, own=["@acme.example"])
    assert summary.added + summary.rejected == 2
    assert stored(agent, "ana@home.example")
    if header != "From":
        assert stored(agent, "bo@home.example")[0].text.endswith("hello")


def test_accounts_of_mail_contacts_are_a_mapping_away(agent, tmp_path):
    (tmp_path / "m.yaml").write_text("columns: {customer_id: customer_domain}\nown_domains: [acme.example]\n")
    ours = "support@acme.example"
    path = mailbox(
        tmp_path / "a.mbox", mail("ana@big.example", ours, "one"), mail("bo@big.example", ours, "two", number=2)
    )
    agent.ingest(path, mapping=tmp_path / "m.yaml")
    assert {each.author for each in stored(agent, "big.example")} == {"ana@big.example", "bo@big.example"}


VTT = """WEBVTT

00:00:01.000 --> 00:00:03.000
<v Agent Tim>Good morning, how can I help?

00:00:04.000 --> 00:00:06.000
<v Ana>My line is down again

00:00:06.500 --> 00:00:08.000
<v Ana>and I am thinking of leaving.
"""
SRT = """1
00:00:01,000 --> 00:00:03,000
Agent Tim: Good morning, how can I help?

2
00:00:04,000 --> 00:00:06,000
Ana: My line is down again

3
00:00:06,500 --> 00:00:08,000
and I am thinking of leaving.
"""


@pytest.mark.parametrize(("ending", "content"), [("vtt", VTT), ("srt", SRT)])
def test_a_call_comes_in_turn_by_turn(agent, tmp_path, ending, content):
    (tmp_path / f"c-1_2026-02-01T14-30.{ending}").write_text(content)
    agent.ingest(tmp_path)
    assert [(each.author, each.direction, each.text) for each in stored(agent, "c-1")] == [
        ("Agent Tim", "outbound", "Good morning, how can I help?"),
        ("Ana", "inbound", "My line is down again and I am thinking of leaving."),
    ]
    assert stored(agent, "c-1")[0].occurred_at == datetime(2026, 2, 1, 14, 30, 1, tzinfo=UTC)


def test_a_call_whose_name_says_nothing_is_refused(agent, tmp_path):
    (tmp_path / "call.vtt").write_text(VTT)
    with pytest.raises(DataError, match="CUSTOMER_2026-03-01"):
        agent.ingest(tmp_path / "call.vtt")
