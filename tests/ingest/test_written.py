"""A mapping that an import writes reads the same files in the same way."""

import contextlib
import csv
import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.errors import DataError, InputError
from churn_agent.files import strict_yaml
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.questions import Guess
from churn_agent.ingest.written import check_new, write_mapping
from churn_agent.settings import Settings
from churn_agent.store.store import Store
from tests.conftest import examples, write_csv
from tests.ingest.test_exports import SAMPLES
from tests.ingest.test_sync import NO_SHRINKING, dump

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%b %d, %Y"]
COLUMNS = {
    "customer_id": ["customer_id", "Customer", "Kunden-ID"],
    "occurred_at": ["date", "Created At", "timestamp"],
    "text": ["text", "Message", "body", "title"],
    "channel": ["channel", "type", "Source"],
    "direction": ["direction", "role", "Speaker"],
    "amount": ["amount", "Total", "value"],
    "interaction_id": ["message_id", "event_id"],
    "subject": ["subject", "Betreff"],
}
WORDS = {
    "channel": st.sampled_from(["chat", "email", "order", "billing", "off", ""]),
    "direction": st.sampled_from(["in", "out", "user", "no", "1", "Ana: x", ""]),
    "amount": st.sampled_from(["1.234", "12,50", "1.234,00", "99.00", "very bad", "", "€ 5"]),
    "interaction_id": st.integers(1, 30).map(str),
    "subject": st.sampled_from(["Help", "Re: # help", ""]),
    "text": st.sampled_from(["I want to cancel my plan today", "hello: there", "tea", ""]),
    "customer_id": st.sampled_from(["1001", "1001.0", "c: 7", "#8"]),
}


EARLY, LATE = datetime(2025, 1, 1), datetime(2026, 2, 1)  # hypothesis wants naive bounds


@st.composite
def tables(draw):
    optional = [name for name in COLUMNS if name not in ("customer_id", "occurred_at", "text")]
    fields = ["customer_id", "occurred_at", "text", *draw(st.lists(st.sampled_from(optional), unique=True))]
    header = [draw(st.sampled_from(COLUMNS[name])) for name in fields]
    form = draw(st.sampled_from(TIMES))
    times = st.datetimes(EARLY, LATE).map(lambda at: at.strftime(form))
    rows = draw(st.lists(st.tuples(*(WORDS.get(name, times) for name in fields)), min_size=1, max_size=6))
    return header, rows


class Refused(Exception):
    """The first import had no usable row."""


def read_twice(folder, paths, answer=None, **options):
    """Imports files, and again into another store with the mapping that the first import wrote."""
    first, second = (Store(Settings.load(store=folder / name)) for name in ("first", "second"))
    try:
        summary = first.ingest(paths, ask=answer, **options)
    except DataError as error:
        raise Refused from error
    file = folder / "written.yaml"
    write_mapping(file, summary.mapping, summary.sources, summary.guesses)
    again = second.ingest(paths, mapping=file)
    assert dump(folder / "second") == dump(folder / "first")
    assert again.mapping == summary.mapping
    once_more = first.ingest(paths, mapping=file)
    assert (once_more.added, once_more.updated, once_more.replaced) == (0, 0, None)
    return summary, file


@given(tables(), st.integers(0, 3))
@settings(max_examples=examples(12), deadline=None, phases=NO_SHRINKING)
def test_a_mapping_as_understood_gives_the_same_import(table, choice):
    header, rows = table
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])

        def answer(question):
            return question.options[choice % len(question.options)]

        with contextlib.suppress(Refused):
            read_twice(Path(folder), [path], answer)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_shipped_mapping_is_written_whole(tmp_path, name):
    source = tmp_path / "in"
    source.mkdir()
    sample = SAMPLES[name]
    kind = (
        "csv"
        if str(sample).startswith("Review") or name.endswith("_csv")
        else "txt"
        if isinstance(sample, str)
        else "json"
    )
    path = source / f"WhatsApp Chat with Ana.{kind}"
    if name == "slack":
        (source / "ext-acme").mkdir()
        (source / "users.json").write_text(json.dumps([{"id": "U1"}]))
        path = source / "ext-acme" / "2026-02-01.json"
    path.write_text(sample if isinstance(sample, str) else json.dumps(sample))
    summary, _ = read_twice(tmp_path, [source if name == "slack" else path], mapping=name)
    assert summary.added


def test_files_with_other_columns_are_read_with_the_mapping_of_all(tmp_path):
    one = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,hello,chat", header="customer_id,date,text,channel")
    two = write_csv(tmp_path / "b.csv", "c-2,2026-02-01,hello you", header="client_id,created_at,text")
    summary, file = read_twice(tmp_path, [one, two])
    assert summary.added == 2
    assert strict_yaml.load(file, ColumnMapping).columns == {"text": "text"}


def test_answers_and_options_are_in_it(tmp_path):
    rows = ["c-1,01/02/2026,user,hello,1.234", "c-1,02/02/2026,in,bye,5.678"]
    path = write_csv(tmp_path / "a.csv", *rows, header="customer_id,date,direction,text,amount")
    _, file = read_twice(tmp_path, [path], lambda question: question.options[0], own=["@acme.example"])
    mapping = strict_yaml.load(file, ColumnMapping)
    assert (mapping.values, mapping.day_first, mapping.decimal, mapping.own) == (
        {"direction": {"user": "customer"}},
        True,
        ",",
        ("@acme.example",),
    )


def test_comments_name_guesses_on_lines_of_their_own(tmp_path):
    guess = Guess("type", "a category\n(metadata)", "people write: under 'Billing'", "columns: {channel: type}")
    write_mapping(tmp_path / "m.yaml", {"decimal": ","}, ["a.csv"], [guess])
    lines = (tmp_path / "m.yaml").read_text().splitlines()
    assert lines[1:] == [
        "# Guessed: type: a category (metadata) (people write: under 'Billing')",
        "#   to change it: columns: {channel: type}",
        "decimal: ','",
    ]
    assert strict_yaml.load(tmp_path / "m.yaml", ColumnMapping).decimal == ","


def test_a_corrected_mapping_is_not_overwritten(cli, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-02-01,chat,hello")
    assert cli("ingest", path, "--dry-run", "--write-mapping", tmp_path / "m.yaml").code == 0
    (tmp_path / "m.yaml").write_text("# mine\n")
    result = cli("ingest", path, "--write-mapping", tmp_path / "m.yaml")
    assert result.code == 2
    assert "may hold your corrections" in result.err
    assert (tmp_path / "m.yaml").read_text() == "# mine\n"
    assert cli("customers", "--json").json == []
    with pytest.raises(InputError):
        check_new(tmp_path / "m.yaml")
