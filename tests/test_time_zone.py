"""Every date that a person sees is the day on the book's clock, whatever clock a source wrote by."""

import io
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from churn_agent import ChurnAgent
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Card
from churn_agent.evidence.box import evidence_lines
from churn_agent.history import runs
from churn_agent.learning.examples import _WINDOWS_DAYS, _aggregates
from churn_agent.models.scripted import ScriptedModel
from churn_agent.reports import book as data_report
from churn_agent.reports import files
from churn_agent.reports.portfolio import digest, writing
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.terminal import print_card
from churn_agent.settings import Settings

SCRIPTED = ["--model", "scripted", "--prompt", "direct"]
WORDS = "I will cancel my contract"
HERE, ELSEWHERE = "2026-02-11", "2026-02-10"
"""Eight in the evening in Greenwich is nine in the morning of the next day in Auckland."""
SCRIPT = {"generate": [{"contains": WORDS, "answer": {"signals": [{"quote": WORDS, "signal": "leaving_announced"}]}}]}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(f"customer_id,timestamp,channel,direction,text\nc-1,{ELSEWHERE}T20:00:00Z,chat,inbound,{WORDS}\n")
    return path


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.yaml"
    path.write_text("company: Acme\ntime_zone: Pacific/Auckland\n")
    return path


@pytest.fixture
def agent(tmp_path, rows, card):
    settings = Settings.load(store=tmp_path / "store", prompt="direct")
    with ChurnAgent(settings, model=ScriptedModel(SCRIPT)) as opened:
        opened.ingest([rows], card=card)
        yield opened


def terminal(assessment):
    out = io.StringIO()
    print_card(assessment, Console(file=out, width=100), company="Acme")
    return out.getvalue()


@pytest.mark.parametrize("render", [terminal, files.to_markdown, files.to_json])
def test_a_card_shows_days_of_the_book(agent, render):
    record = agent.assess("c-1")
    assert record.as_of == date.fromisoformat(HERE)
    text = render(record)
    assert text.count(HERE) >= 2  # with the quote, and with the action that it calls for
    assert ELSEWHERE not in text


def test_a_record_knows_the_moment_and_the_day(agent):
    record = agent.assess("c-1")
    [citation] = record.reasons[0].citations
    assert citation.occurred_at.isoformat() == f"{HERE}T09:00:00+13:00"
    assert Assessment.model_validate_json(record.model_dump_json()) == record


@pytest.fixture
def portfolio(agent, tmp_path):
    run_batch(agent, tmp_path / "run.jsonl", BatchSpec(as_of=date.fromisoformat(HERE)))
    return build(agent.store, runs.find(agent.history, "latest"))


@pytest.mark.parametrize("ending", [ending for ending in writing.RENDERERS if ending not in (".pdf", ".xlsx", ".ics")])
def test_a_report_shows_days_of_the_book(portfolio, ending):
    text = str(writing.RENDERERS[ending](portfolio, {}))
    assert HERE in text
    assert ELSEWHERE not in text


def test_a_workbook_shows_days_of_the_book(portfolio):
    made = writing.RENDERERS[".xlsx"](portfolio, {})
    cells = [cell.value for row in openpyxl.load_workbook(io.BytesIO(made)).worksheets[0] for cell in row]
    assert datetime.fromisoformat(HERE) in cells
    assert datetime.fromisoformat(ELSEWHERE) not in cells


def test_a_digest_shows_days_of_the_book(portfolio):
    mail = digest.to_eml(portfolio, portfolio.accounts).decode()
    chat = json.dumps(digest.to_chat(portfolio, portfolio.accounts, with_texts=True))
    for text in (mail, chat):
        assert HERE in text
        assert ELSEWHERE not in text


def test_evidence_shows_days_of_the_book(agent):
    case = agent.evidence("c-1")
    assert evidence_lines(case.pack.evidence, case.snapshot.card).startswith(f"E1 ({HERE}, chat")


def test_the_data_report_counts_days_and_months_of_the_book(agent, tmp_path):
    more = tmp_path / "more.csv"
    more.write_text(
        "customer_id,timestamp,channel,text\n"
        "c-2,2026-01-31T12:00:00Z,chat,a new month in Auckland\nc-2,2026-02-01T10:00:00Z,chat,still the same day there\n"
        "c-3,2026-01-31T10:00:00Z,chat,the last hour of the month there\n"
    )
    agent.ingest([more])
    found = agent.store.statistics()
    assert {month: sum(channels.values()) for month, channels in found.months.items()} == {"2026-01": 1, "2026-02": 3}
    assert found.one_day_customers == 3
    assert found.quiet_since == {0: 2, 1: 1}
    for text in (data_report.to_text(found, agent.store.card), data_report.to_html(found, agent.store.card)):
        assert f"2026-01-31 to {HERE}" in text


def test_what_is_learned_from_counts_days_of_the_book(agent):
    for days in _WINDOWS_DAYS:
        last_day_of_window = date.fromisoformat(HERE) + timedelta(days=days - 1)
        found = _aggregates(agent.snapshot("c-1", as_of=last_day_of_window))
        assert found[f"interactions in {days} days"] == 1


@pytest.mark.parametrize(
    "words", ["show c-1", "customers", "evidence c-1", "data report", "data imports", "runs list", "runs show"], ids=str
)
def test_commands_show_days_of_the_book(portfolio, agent, cli, words):
    agent.close()
    made = cli(*words.split(), *(SCRIPTED if words.startswith("evidence") else ()))
    assert made.code == 0, made.err
    assert ELSEWHERE not in made.out
    if not words.startswith(("runs", "data imports")):  # they show when they were made
        assert HERE in made.out


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_an_import_shows_days_of_the_book(cli, rows, card, how):
    made = cli("ingest", rows, "--card", card, *how)
    assert f"from {HERE} to {HERE}" in made.out
    assert ELSEWHERE not in made.out
    assert f"{HERE} 09:00 chat" in made.out


def test_a_run_is_dated_on_the_clock_of_the_book(portfolio, agent, cli):
    begun = Card(time_zone="Pacific/Auckland").local(portfolio.run.created_at)
    agent.close()
    assert f"begun {begun:%Y-%m-%d %H:%M} (Pacific/Auckland)" in cli("runs", "show").out
    assert re.search(f"{begun:%Y-%m-%d}", cli("runs", "list").out)


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=st.timezones()),
    st.sampled_from(["UTC", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "Europe/Amsterdam"]),
)
def test_the_clock_of_the_book_tells_the_same_moment(moment, zone):
    card = Card(time_zone=zone)
    local = card.local(moment)
    assert local == moment.astimezone(local.tzinfo)
    assert abs(local.replace(tzinfo=None) - moment.astimezone(card.zone).replace(tzinfo=None)) < timedelta(minutes=1)
    assert datetime.fromisoformat(local.isoformat()) == local
