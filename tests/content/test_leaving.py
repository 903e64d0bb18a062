"""The shipped rules on messages that sound like leaving: other things that they are about, and true announcements."""

import re
import time
from pathlib import Path

import pytest
import yaml

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.errors import FileFormatError

TAXONOMY = load_taxonomy()
RULES = TAXONOMY.quotes
SIGNAL = "leaving_announced"
MESSAGES = yaml.safe_load(Path(__file__).with_name("leaving.yaml").read_text(encoding="utf-8"))
OTHER = [(kind, marked) for kind, messages in MESSAGES["other"].items() for marked in messages]
QUOTE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


def quote_and_text(marked: str) -> tuple[str, str]:
    """The last marked quote of a message, and the message without the marks."""
    return QUOTE.findall(marked)[-1], QUOTE.sub(r"\1", marked)


@pytest.mark.parametrize(("kind", "marked"), OTHER)
def test_a_message_about_something_else_announces_nothing(kind, marked):
    assert RULES.shown_by(SIGNAL, *quote_and_text(marked)) != SIGNAL


@pytest.mark.parametrize("marked", MESSAGES["announced"])
def test_a_true_announcement_keeps_its_signal_and_takes_nothing_back(marked):
    quote, text = quote_and_text(marked)
    assert RULES.shown_by(SIGNAL, quote, text) == SIGNAL
    assert RULES.retraction(text) is None


@pytest.mark.parametrize("marked", MESSAGES["other"]["retractions"])
def test_a_retraction_ends_an_earlier_announcement(marked):
    _, text = quote_and_text(marked)
    assert RULES.retraction(text)


def test_a_retraction_before_the_announcement_takes_nothing_back():
    text = "In May I wrote: please ignore my cancellation. Now I hereby close my account."
    assert RULES.shown_by(SIGNAL, "I hereby close my account", text) == SIGNAL
    assert RULES.shown_by(SIGNAL, "please ignore my cancellation", text) is None


def test_a_line_of_a_session_is_read_with_the_lines_around_it():
    lines = "I want to cancel, cant watch this any more\nleeds lost again\nno just the sports pack, get rid"
    assert RULES.shown_by(SIGNAL, "I want to cancel", lines) is None
    assert RULES.shown_by(SIGNAL, "I want to cancel", lines.partition("\n")[0]) == SIGNAL


@pytest.mark.parametrize(
    "text", ["How do I cancel my subscription?", "Wie kündige ich?", "How would I go about ending it?"]
)
def test_a_question_how_to_end_it_is_about_the_end_of_the_contract(text):
    assert RULES.shown_by(SIGNAL, text, text) == "contract_end"


@pytest.mark.parametrize("text", ["perfect", "Thanks!", "ok danke", "that's great", "Sorted, cheers"])
def test_a_word_of_thanks_announces_nothing(text):
    assert RULES.shown_by(SIGNAL, text, text) is None


@pytest.mark.parametrize("text", ["ok cancel", "Fine, bye", "done", "ich gehe", '"Shall we cancel it?" – Perfect'])
def test_a_short_message_can_announce(text):
    assert RULES.shown_by(SIGNAL, text, text) == SIGNAL


def test_own_vetoes_can_look_at_the_message(tmp_path):
    veto = "{about: a test, signals: [praise], where: [good], message: [exam], message_unless: [passed]}"
    (tmp_path / "quotes.yaml").write_text(f"version: 1\nvetoes: [{veto}]\n")
    rules = load_taxonomy(tmp_path).quotes
    assert rules.shown_by("praise", "It was good.", "My exam\n\nIt was good.") is None
    assert rules.shown_by("praise", "It was good.", "It was good.") == "praise"
    assert rules.shown_by("praise", "Thank you.", "My exam\n\nIt was good. Thank you.") == "praise"
    assert rules.shown_by("praise", "It was good.", "My exam: passed!\n\nIt was good.") == "praise"


def test_a_veto_without_patterns_is_an_error(tmp_path):
    (tmp_path / "quotes.yaml").write_text("version: 1\nvetoes: [{about: nothing, signals: [praise]}]\n")
    with pytest.raises(FileFormatError, match="neither `where` nor `message`"):
        load_taxonomy(tmp_path)


def test_retracted_signals_are_of_the_taxonomy():
    assert set(RULES.retracted) <= TAXONOMY.by_id.keys()


@pytest.mark.parametrize("mark", ["(", "-", ".", ", ", "!\n"])
def test_a_long_row_of_marks_takes_no_time(mark):
    text = mark * 10_000
    start = time.process_time()
    RULES.shown_by(SIGNAL, "I cancel", text)
    RULES.retraction(text)
    assert time.process_time() - start < 1.0
