"""One page before a call: all of it from facts, quotes and the stored assessment, nothing later than its day."""

import json
from datetime import date

import pytest

from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.assessment import CareFlag, Citation
from churn_agent.errors import InputError, UnknownCustomer
from churn_agent.followup import brief_page
from churn_agent.followup.brief import brief
from churn_agent.followup.syncing import sync
from churn_agent.history import assignments, book, records
from churn_agent.history.assignments import Assignment
from churn_agent.reports.language import speaking
from tests.reports.portfolio.conftest import HOSTILE, quoting

from .conftest import changed, open_agent

HEADER = "customer_id,timestamp,channel,direction,author,text"
LEAVES = "I will cancel my contract"
ROWS = [
    *(f"k-1,2026-01-{day:02},email,inbound,Anna Berg,All fine with delivery {day}." for day in (2, 7, 12)),
    *(f"k-1,2026-02-{day:02},email,inbound,Ben Koch,A note about delivery {day}." for day in (2, 12, 22)),
    'k-1,2026-02-23,email,outbound,Our Olga,"I will call you by 2026-03-06 at the latest. You will get the refund soon."',
    "k-1,2026-02-25,email,inbound,Ben Koch,Where is the refund? Thanks for the call.",
    f'k-1,2026-02-26,email,inbound,Ben Koch,"{LEAVES}. Anna Berg has left the company."',
]


@pytest.fixture
def written(tmp_path):
    """A store with one account, assessed at two dates."""
    (tmp_path / "rows.csv").write_text("\n".join([HEADER, *ROWS]), encoding="utf-8")
    people = "customer_id,name,owner,renewal_date,do_not_call\nk-1,Koch & Co,Ana,2026-06-01,yes"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    folder = tmp_path / "store"
    with open_agent(folder, quoting(LEAVES), band_margin=0.0) as agent:
        agent.ingest([tmp_path / "rows.csv"], customers=tmp_path / "people.csv")
        for day in (date(2026, 2, 15), date(2026, 3, 1)):
            run_batch(agent, tmp_path / f"{day}.jsonl", BatchSpec(as_of=day))
        sync(agent.store)
    return folder


def text_of(folder, as_of=None, card=None, **settings):
    with open_agent(folder, **settings) as agent:
        card = card or agent.store.card
        page = brief(agent.store, "k-1", as_of=as_of)
        with speaking(card.language):
            parts = brief_page.sections(page, card)
    return {part.title: [*part.lines, *(f"{words} ({when})" for when, words in part.quotes)] for part in parts}


def test_the_page_has_who_people_changes_words_promises_offers_and_limits(written):
    page = text_of(written, date(2026, 3, 1))
    who = " ".join(page["Who they are"])
    for words in ("Notice given on 2026-02-26", "high risk", "Renewal: 2026-06-01", "Looked after by Ana",
                  "Risk item 1: open, due"):  # fmt: skip
        assert words in who, words
    people = page["People"]
    assert people[0].startswith("Ben Koch: 5 messages, last on 2026-02-26")
    assert "Anna Berg: 3 messages, last on 2026-01-12, left (2026-02-26), no successor named" in people
    assert "Everything hangs on one person" in people[-1]
    assert any(line.startswith("The risk was ") for line in page["What has changed"])
    assert any("Anna Berg has left" in line for line in page["What has changed"])
    assert any(LEAVES in line and "2026-02-26" in line for line in page["What speaks for leaving"])
    open_ = " ".join(page["Open on our side"])
    assert "Promised for 2026-03-06: \u201cI will call you by 2026-03-06 at the latest.\u201d" in open_
    assert "\u201cWhere is the refund?\u201d (unanswered, 2026-02-25, Ben Koch)" in open_
    assert "refund awaited, 2026-02-23" in open_
    assert page["What to offer"][0].startswith("No action fits: the customer refuses the channel")
    never = page["What not to say or do"]
    assert never[0] == "Do not call: the customer refuses calls."
    assert never[-1].startswith("The score and its reasons are for you")


def test_an_action_comes_with_what_to_say_and_never_to_say(written, tmp_path):
    (tmp_path / "more.csv").write_text("customer_id,do_not_call\nk-1,no")
    with open_agent(written, quoting(LEAVES)) as agent:
        agent.ingest([], customers=tmp_path / "more.csv")
        record = agent.assess("k-1", as_of=date(2026, 3, 1))
        action = record.actions[0].model_copy(update={"never_say": ("That it is cheaper next year.",)})
        records.add(agent.history, changed(record, actions=(action,)))
    page = text_of(written, date(2026, 3, 1))
    assert page["What to offer"][0].startswith(action.title)
    assert page["What to offer"][-1] == f"Say: {' '.join(action.talk_track)}"
    assert "Do not say or promise: That it is cheaper next year." in page["What not to say or do"]


def test_nothing_later_than_the_day_is_on_the_page(written):
    page = json.dumps(text_of(written, date(2026, 2, 15)))
    assert LEAVES not in page
    assert "has left" not in page
    assert "2026-03-06" not in page


def test_an_answer_closes_questions_and_promises_and_money_closes_refunds(written, tmp_path):
    rows = ["k-1,2026-02-27,email,outbound,Our Olga,Here is the answer.", "k-1,2026-02-28,refund,outbound,,back"]
    (tmp_path / "more.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    with open_agent(written) as agent:
        agent.ingest([tmp_path / "more.csv"])
    assert "Open on our side" not in text_of(written, date(2026, 3, 1))


@pytest.mark.parametrize("allowed", [False, True])
def test_our_own_staff_are_named_only_if_the_settings_allow_it(written, allowed):
    page = text_of(written, date(2026, 3, 1), staff_names=allowed)
    promise = next(line for line in page["Open on our side"] if line.startswith("Promised"))
    assert ("Our Olga" in promise) == allowed
    assert any("Our Olga" in line for line in page["Who they are"]) == allowed


def test_care_leaves_no_offer(written):
    with open_agent(written) as agent:
        page = brief(agent.store, "k-1", as_of=date(2026, 3, 1))
        cited = page.assessment.announced.citation
        flag = CareFlag(kind="death", citation=Citation.model_validate(cited), date=date(2026, 2, 26),
                        expires_on=date(2026, 5, 1))  # fmt: skip
        records.add(agent.history, changed(page.assessment, care=(flag,)))
    page = text_of(written, date(2026, 3, 1))
    assert "What to offer" not in page
    assert "a death" in page["Who they are"][0]
    assert any("No offers and no retention calls" in line for line in page["What not to say or do"])


def test_a_customer_of_the_control_group_is_not_to_be_called(written):
    with open_agent(written) as agent:
        run = agent.store.run()
        assignments.replace(agent.history, run.id, [Assignment(run.id, "k-1", date(2026, 3, 1), "control", True)])
    assert "Control group: do not call" in text_of(written, date(2026, 3, 1))["What not to say or do"][0]


def test_somebody_who_is_not_assessed_has_a_page_of_facts_and_people(tmp_path):
    (tmp_path / "rows.csv").write_text("\n".join([HEADER, *ROWS]), encoding="utf-8")
    with open_agent(tmp_path / "store") as agent:
        agent.ingest([tmp_path / "rows.csv"])
        page = brief(agent.store, "k-1")
        assert (page.assessment, page.changes) == (None, None)
        assert page.facts
        assert page.people.people
        with pytest.raises(UnknownCustomer):
            brief(agent.store, "k-2")


@pytest.mark.parametrize(("period", "words"), [("year", "EUR 1,200 per year"), ("month", "EUR 100 per month")])
def test_the_value_is_for_the_period_of_the_card(written, tmp_path, period, words):
    (tmp_path / "value.csv").write_text(f"customer_id,fee\nk-1,{1200 if period == 'year' else 100}")
    with open_agent(written) as agent:
        agent.ingest([], customers=tmp_path / "value.csv")
        updates = {"value_attribute": "fee", "value_period": period, "currency": "EUR"}
        with agent.history.begin() as connection:
            book.set_card(connection, agent.store.card.model_copy(update=updates))
    assert words in text_of(written, date(2026, 3, 1))["Who they are"]


def test_the_page_speaks_the_language_of_the_card(written):
    with open_agent(written) as agent:
        german = agent.store.card.model_copy(update={"language": "de"})
    page = text_of(written, date(2026, 3, 1), card=german)
    assert {"Menschen", "Was sich geändert hat", "Was anzubieten ist"} < set(page)
    assert not {"People", "Facts"} & set(page)


def filled_with(folder, tmp_path, texts):
    rows = [f'k-1,2026-02-{n % 27 + 1:02},email,inbound,Writer {n},"{text}"' for n, text in enumerate(texts)]
    (tmp_path / "rows.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    with open_agent(folder, quoting(*texts)) as agent:
        agent.ingest([tmp_path / "rows.csv"])
        run_batch(agent, tmp_path / "x.jsonl", BatchSpec(as_of=date(2026, 3, 1)))
        return brief(agent.store, "k-1", as_of=date(2026, 3, 1)), agent.store.card


def test_hostile_texts_are_shown_letter_by_letter(tmp_path):
    page, card = filled_with(tmp_path / "store", tmp_path, [text.replace('"', "'") + "?" for text in HOSTILE])
    for suffix in (".html", ".md"):
        brief_page.write(page, tmp_path / f"b{suffix}", card)
    shown = (tmp_path / "b.html").read_text()
    assert "<script>window" not in shown
    assert "<img" not in shown
    assert "](javascript" not in (tmp_path / "b.md").read_text().replace("\\]", "")


def test_on_paper_it_is_one_page_however_much_there_is(tmp_path):
    try:
        import weasyprint
    except (ImportError, OSError):
        pytest.skip("WeasyPrint and Pango are not installed")
    words = "I will cancel my contract because of many things that went wrong with deliveries and bills "
    page, card = filled_with(tmp_path / "store", tmp_path, [words * 5 + str(n) + "?" for n in range(20)])
    brief_page.write(page, tmp_path / "b.html", card)
    document = weasyprint.HTML(string=(tmp_path / "b.html").read_text()).render()
    assert len(document.pages) == 1
    brief_page.write(page, tmp_path / "b.pdf", card)
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"use a file name that ends in \.html, \.pdf, \.md"):
        brief_page.check(tmp_path / "b.docx")


def test_the_command_prints_writes_and_speaks_json(cli, written, tmp_path):
    done = cli("--store", written, "brief", "k-1", "--as-of", "2026-03-01")
    assert done.code == 0
    assert "Before the call: Koch & Co (k-1)" in done.out
    assert LEAVES in done.out
    assert cli("--store", written, "brief", "k-1", "-o", tmp_path / "b.md").out == f"written: {tmp_path / 'b.md'}\n"
    assert cli("--store", written, "brief", "k-1", "--json").json["people"]["people"][0]["name"] == "Ben Koch"
    wrong = cli("--store", written, "brief", "k-9")
    assert (wrong.code, wrong.out) == (2, "")
    assert cli("--store", written, "brief", "k-1", "-o", tmp_path / "b.docx").code == 2
