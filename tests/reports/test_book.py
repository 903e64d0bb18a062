import json
import re
from html.parser import HTMLParser

import pytest
from lxml import html

from churn_agent.domain.snapshot import Card
from churn_agent.errors import EmptyStore, InputError
from churn_agent.reports import book as reports
from tests.conftest import write_csv
from tests.reports.test_language import fragments

HEADER = "customer_id,timestamp,channel,direction,author,text"
ROWS = [
    "a,2025-10-05,chat,inbound,Ana,I have a question about my invoice please",
    "a,2025-10-06,chat,inbound,Bo,Where can I see what I have used so far?",
    "a,2025-10-06,chat,inbound,Bo,Where can I see what I have used so far?",
    "b,2026-02-01,email,,,Guten Tag ich hätte gerne eine Auskunft",
    "b,2026-02-02,order,,,tea",
    "c,2026-02-03,order,,,tea",
    "c,2026-02-03,chat,,, ",
    "c,never,order,,,tea",
]


@pytest.fixture
def filled(agent, tmp_path):
    agent.ingest(write_csv(tmp_path / "a.csv", *ROWS, header=HEADER))
    return agent


def test_everything_is_counted(filled):
    found = filled.store.statistics()
    assert (found.customers, found.interactions, found.messages) == (3, 6, 4)
    assert found.channels == {"chat": 3, "order": 2, "email": 1}
    assert found.languages == {"en": 3, "de": 1}
    assert found.months == {"2025-10": {"chat": 3}, "2026-02": {"email": 1, "order": 2}}
    assert found.empty_months == ("2025-11", "2025-12", "2026-01")
    assert (found.repeated_rows, found.distinct_texts, found.contacts) == (1, 3, 1)
    assert (found.silent_customers, found.one_day_customers, found.without_direction) == (1, 1, 1)
    assert found.quiet_since == {0: 2, 4: 1}
    assert {name: n for name, n in found.by_size.items() if n} == {"1": 1, "2-4": 2}
    assert found.repeated_texts == (("Where can I see what I have used so far?", 2),)
    assert (found.labels, found.rejected_rows) == (0, 1)


def test_an_empty_store_has_no_report(agent):
    with pytest.raises(EmptyStore):
        agent.store.statistics()


def test_what_is_thin_is_said_with_what_to_do(filled):
    said = " ".join(reports.findings(filled.store.statistics(), Card()))
    for part in (
        "no card",
        "no outcomes",
        "33% of customers wrote nothing",
        "3 months have no interactions (2025-11",
        "Imports rejected 1 row.",
    ):
        assert part in said
    assert "no card" not in " ".join(reports.findings(filled.store.statistics(), Card(company="Acme")))


HEAD = "customer_id,timestamp,channel,direction,text,amount"


def unlikely(agent, tmp_path, rows, card=""):
    (tmp_path / "card.yaml").write_text(f"company: Acme\n{card}")
    agent.ingest(write_csv(tmp_path / "u.csv", *rows, header=HEAD), card=tmp_path / "card.yaml")
    return " ".join(reports.findings(agent.store.statistics(), agent.store.card))


def talk(n, **more):
    """Messages of `n` customers on different days, each with an answer."""
    rows = [f"c-{i},2026-01-{i % 28 + 1:02},chat,inbound,I want to cancel my plan {i}," for i in range(n)]
    return rows + [f"c-{i},2026-01-{i % 28 + 1:02},chat,outbound,Thank you for contacting us {i}," for i in range(n)]


SENTENCES = (
    "are the customers'", "Directions look reversed", "speak like your staff", "of all messages", "of all interactions are on",
    "a hundred times", "have no “owner”", "No customer has “arr”",
)  # fmt: skip


def test_a_usual_book_has_nothing_unlikely(agent, tmp_path):
    found = unlikely(agent, tmp_path, [*talk(12), *(f"c-1,2026-01-{n:02},order,,tea,{n}" for n in range(1, 29))])
    assert [part for part in SENTENCES if part in found] == []


@pytest.mark.parametrize(
    ("rows", "card", "said"),
    [
        ([row.replace("outbound", "inbound") for row in talk(12)], "", "All 24 messages of known authors are the customers'"),
        (
            [row.replace("outbound", "x").replace("inbound", "outbound").replace(",x,", ",inbound,") for row in talk(12)],
            "",
            "Directions look reversed: 12 messages of customers with phrases of staff (“thank you for contacting us”), 12 of yours",
        ),
        (
            [*talk(12), *(f"us,2026-01-{n:02},chat,inbound,Hello! How can I help you?," for n in range(1, 6))],
            "",
            "Customers who mostly speak like your staff: us.",
        ),
        ([*talk(12), *(f"all,2026-01-{n:02},chat,inbound,hi {n}," for n in range(1, 29))], "", "The customer all has 54% of all messages"),
        ([*talk(5), *(f"c-{n},2026-02-01,chat,inbound,hi {n}," for n in range(15))], "", "60% of all interactions are on 2026-02-01"),
        (
            [*talk(12), *(f"c-1,2026-01-{n:02},order,,tea,{4900 if n == 9 else 49}" for n in range(1, 29))],
            "",
            "Channel “order”: 1 amount is at least a hundred times the median (4,900 beside 49)",
        ),
        (talk(12), "value_attribute: arr\n", "No customer has “arr”, which the card names as their value"),
    ],
)  # fmt: skip
def test_what_is_unlikely_is_said(agent, tmp_path, rows, card, said):
    assert said in unlikely(agent, tmp_path, rows, card)


def test_reviews_are_the_customers_own(agent, tmp_path):
    rows = [f"c-{n},2026-01-{n % 28 + 1:02},review,,it broke {n}," for n in range(40)]
    assert "are the customers'" not in unlikely(agent, tmp_path, rows)


def test_the_coverage_of_what_reports_use_is_counted(agent, tmp_path, cli):
    rows = write_csv(
        tmp_path / "c.csv",
        "c-1,Sue,2026-05-01",
        "c-2,,2026-05-01",
        "gone,Sue,",
        header="customer_id,owner,renewal_date",
    )
    agent.ingest([], customers=rows)
    found = unlikely(agent, tmp_path, talk(4))
    assert agent.store.statistics().oddities.coverage == {"owner": 1, "renewal_date": 2}
    assert "75% of customers have no “owner”" in found
    assert "owner 25%, renewal_date 50%" in cli("data", "report").out
    assert cli("data", "report", "--json").json["oddities"]["coverage"] == {"owner": 1, "renewal_date": 2}


def test_the_report_of_a_german_book_has_no_english_message(agent, tmp_path):
    odd = [
        *(row.replace("outbound", "inbound") for row in talk(12)),
        *(f"all,2026-01-02,chat,,Hello! How can I help you?,{4900 if n == 9 else 49}" for n in range(1, 29)),
        *(f"all,2025-06-{n:02},order,,tea,{490000 if n == 9 else 49}" for n in range(1, 29)),
        "never,never,chat,,x,1",
    ]
    (tmp_path / "c.csv").write_text("customer_id,owner,contract\nc-1,Eva,Premium\nc-2,,Basis\n")
    (tmp_path / "l.csv").write_text("customer_id,as_of,churned\nc-1,2026-01-01,1\nc-2,2026-01-01,0\n")
    english = unlikely(agent, tmp_path, odd, "value_attribute: arr\n")
    agent.ingest([], customers=tmp_path / "c.csv", labels=tmp_path / "l.csv")
    statistics, card = agent.store.statistics(), agent.store.card.model_copy(update={"language": "de"})
    text = " ".join(reports.to_text(statistics, card).split())
    page = html.fromstring(reports.to_html(statistics, card))
    shown = " ".join(" ".join(page.itertext()).split())
    known = set(fragments())
    assert [part for part in known if part in " ".join(english.split())]
    for said in (text, shown):
        assert [part for part in known if part in said] == []
        assert not re.search(
            r"(?<!-)\b(?:customers|messages|interactions|months|others|unknown|and more|to 2026)\b", said
        ), said
    assert page.get("lang") == "de"
    assert "Datenbericht: Acme" in shown
    assert "Kunden nach Zahl der Kontakte" in shown
    assert "Eigene Worte zählen vielleicht als die von Kunden" in text
    assert reports.document(statistics, card) == reports.document(
        statistics, card.model_copy(update={"language": "en"})
    )


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href") and not (v or "").startswith("#")]

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_stands_alone_and_runs_nothing_of_the_data(agent, tmp_path):
    evil = "<script>window.__pwned=1</script> $x^2$ hello hello"
    rows = [f'a,2026-02-0{n},"<b>x$y$z",inbound,,"{evil}"' for n in range(1, 5)]
    agent.ingest(write_csv(tmp_path / "a.csv", *rows, header=HEADER))
    page = Page()
    page.feed(reports.to_html(agent.store.statistics(), Card(company="<i>Acme</i>")))
    assert page.tags.count("svg") == 4
    assert "script" not in page.tags
    assert "i" not in page.tags
    assert page.links == []
    assert any("<i>Acme</i>" in text for text in page.text)


def test_files_are_written_by_their_ending(filled, tmp_path):
    for name in ("x.html", "x.json", "x.txt"):
        reports.write(filled.store.statistics(), Card(), tmp_path / name)
    assert json.loads((tmp_path / "x.json").read_text())["customers"] == 3
    with pytest.raises(InputError, match="ends in"):
        reports.write(filled.store.statistics(), Card(), tmp_path / "x.pdf")


def test_the_command_prints_and_writes(filled, cli):
    assert "customers:" in cli("data", "report").out
    assert cli("data", "report", "--json").json["interactions"] == 6
    assert cli("data", "report", "-o", "x.html").code == 0
    assert cli("data", "report", "-o", "x.doc").code == 2
