"""What staff have promised for a day. Messages are of Tuesday, 10 February 2026, or earlier."""

from datetime import date, timedelta

import pytest

from churn_agent.evidence.promises import promised
from tests.conftest import AS_OF, interaction, snapshot

SAID = date(2026, 2, 10)
DAYS_AGO = (AS_OF - SAID).days


def of(*rows, **more):
    return promised(snapshot(*rows, **more))


def staff(text, n=0, days_ago=DAYS_AGO, **more):
    return interaction(n, days_ago=days_ago, text=text, speaker="company", author="Ana", **more)


KEPT_IN_WORDS = [
    ("We will call you back by Friday.", 3),
    ("I'll get back to you tomorrow.", 1),
    ("Thanks for your mail. I will be in touch on Monday with a new offer.", 6),
    ("You will hear from us by 20 February.", 10),
    ("I'll call you on 2026-02-12.", 2),
    ("We'll let you know by the end of this week.", 3),
    ("We will get back to you within 3 working days.", 3),
    ("I will personally call you on Tuesday.", 7),
    ("I'll follow up with you next week.", 10),
    ("Callback agreed for Thursday.", 2),
    ("Wir rufen Sie bis Freitag zurück.", 3),
    ("Guten Morgen, ich melde mich am Donnerstag bei Ihnen.", 2),
    ("Ich melde mich morgen.", 1),
    ("Wir werden uns bis zum 20. Februar bei Ihnen melden.", 10),
    ("Sie hören bis Ende der Woche von uns.", 3),
    ("Rückruf vereinbart für Montag.", 6),
    ("Ich rufe Sie in 2 Werktagen an.", 2),
]
NO_PROMISES = [
    "We will call you back soon.",
    "We will not call you back by Friday.",
    "If nothing arrives, we will call you on Friday.",
    "Should we call you back on Friday?",
    "Shall we call you on Friday?",
    "Please call us back by Friday.",
    "Please let us know by Friday.",
    "Your technician will arrive on Friday.",
    "We will send your invoice by 20 February.",
    "We shipped it on 9 February.",
    "He said he would call us back on Friday.",
    "We called you on Monday.",
    "Every Friday we will write to you with the week's offers.",
    "We could call you on Friday.",
    "Bitte melden Sie sich bis Freitag bei uns.",
    "Wir bitten Sie, sich bis Freitag bei uns zu melden.",
    "Wir melden Sie bis Freitag für den Kurs an.",
    "Wenn Sie möchten, rufen wir Sie am Freitag zurück.",
    "Sollen wir Sie am Freitag anrufen?",
    "Der Techniker ruft Sie am Freitag nicht an.",
    "Ich habe Sie am Montag angerufen.",
    "Die Rechnung ist bis Freitag zu zahlen.",
]


@pytest.mark.parametrize(("text", "days"), KEPT_IN_WORDS)
def test_a_plain_sentence_of_staff_with_a_day_is_a_promise(text, days):
    made = of(staff(text))
    assert made is not None
    assert made.due == SAID + timedelta(days=days)
    assert (made.made_on, made.by) == (SAID, "Ana")
    assert text[made.citation.start : made.citation.end] == made.citation.quote


@pytest.mark.parametrize("text", NO_PROMISES)
def test_other_sentences_are_none(text):
    assert of(staff(text)) is None


@pytest.mark.parametrize("speaker", ["customer", "machine", "other", "unknown"])
def test_only_staff_promise(speaker):
    assert of(interaction(days_ago=DAYS_AGO, text="We will call you back by Friday.", speaker=speaker)) is None


def test_whatever_the_company_says_afterwards_keeps_the_promise():
    promise = staff("We will call you back by Friday.")
    assert of(promise, staff("Here is your answer.", 1, days_ago=DAYS_AGO - 1)) is None
    assert of(promise, interaction(1, days_ago=2, text="Where is my call?")) is not None
    assert of(promise, interaction(1, days_ago=2, text="1 x tea", channel="invoice", speaker="company")) is not None


def test_a_promise_long_overdue_does_not_count():
    assert of(staff("We will call you back by Friday.", days_ago=DAYS_AGO + 90)) is None
    assert of(staff("We will call you back by Friday.")).due < AS_OF


def test_the_next_promise_counts():
    rows = [staff("We will call you on Friday. We will write to you by 9 March.")]
    rows.append(
        interaction(1, days_ago=1, text="", channel="task", speaker="company", metadata={"due_on": "2026-03-05"})
    )
    assert of(*rows).due == date(2026, 2, 13)


@pytest.mark.parametrize("name", ["due_on", "due_at", "Follow-up date", "callback_on", "Wiedervorlage"])
@pytest.mark.parametrize("channel", ["task", "Callback", "aufgabe"])
def test_a_task_with_a_due_date_is_a_promise(channel, name):
    task = interaction(
        days_ago=3, text="call", channel=channel, speaker="company", author="Bo", metadata={name: "2026-03-05"}
    )
    assert (of(task).due, of(task).by, of(task).citation) == (date(2026, 3, 5), "Bo", None)


def test_a_task_that_is_done_and_a_bill_that_is_due_are_none():
    for channel, metadata in (
        ("task", {"due_on": "2026-03-05", "status": "Done"}),
        ("invoice", {"due_at": "2026-03-05"}),
        ("email", {"due_at": "2026-03-05"}),
        ("task", {"due_on": "9999-12-31"}),
    ):
        assert of(interaction(days_ago=3, text="call", channel=channel, speaker="company", metadata=metadata)) is None


def test_an_attribute_can_say_it_until_the_company_spoke_on_that_day():
    row, attributes = interaction(days_ago=9), {"Next contact": "2026-03-05"}
    assert of(row, attributes=attributes).due == date(2026, 3, 5)
    past = {"callback_on": "2026-02-25"}
    assert of(row, attributes=past).due == date(2026, 2, 25)
    assert of(row, staff("Hello!", 1, days_ago=10), attributes=past) is not None
    assert of(row, staff("Hello!", 1, days_ago=2), attributes=past) is None
