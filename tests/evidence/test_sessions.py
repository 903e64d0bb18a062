"""What is read at once: messages, sessions of chats, bare answers with their questions."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.evidence.sessions import Line, Piece, is_bare_answer, is_chat, pieces, question_of
from tests.conftest import interaction, snapshot

ASKED = "Thank you for waiting. Would you like to cancel your contract?"


def said(n, text, *, minutes=None, by="customer", channel="chat", **metadata):
    row = interaction(
        n, days_ago=20, channel=channel, text=text, direction="inbound" if by == "customer" else "outbound"
    )
    at = row.occurred_at + timedelta(minutes=n if minutes is None else minutes)
    return replace(row, occurred_at=at, speaker=by, metadata=metadata)


def texts(*rows):
    return [piece.text for piece in pieces(snapshot(*rows))]


def test_lines_of_one_session_are_one_piece_without_the_companys():
    rows = [
        said(0, "hi"),
        said(1, "Hello, I am Tom.", by="company"),
        said(2, "my line is down"),
        said(3, "since monday"),
    ]
    assert texts(*rows) == ["hi\nmy line is down\nsince monday"]


def test_a_long_pause_ends_a_session_and_an_answer_of_the_company_keeps_it_open():
    first, late = said(0, "hi"), said(1, "are you there", minutes=55)
    assert texts(first, late) == ["hi", "are you there"]
    assert texts(first, said(2, "One moment.", minutes=28, by="company"), late) == ["hi\nare you there"]


def test_a_named_thread_holds_lines_together_and_apart():
    first, late = said(0, "hi", session_id="7"), said(1, "are you there", minutes=300, session_id="7")
    assert texts(first, late) == ["hi\nare you there"]
    assert texts(first, said(1, "another thing", session_id="8")) == ["hi", "another thing"]
    assert texts(first, said(1, "next week", minutes=9000, session_id="7")) == ["hi", "next week"]


def test_letters_and_lines_of_others_stay_alone():
    assert texts(said(0, "Dear all", channel="email"), said(1, "One more thing", channel="email")) == [
        "Dear all",
        "One more thing",
    ]
    ana, ben = replace(said(0, "I am Ana"), author="Ana"), replace(said(1, "I am Ben"), author="Ben")
    assert texts(ana, ben, replace(said(2, "bye"), author="Ana")) == ["I am Ben", "I am Ana\nbye"]


@pytest.mark.parametrize("channel", ["chat", "Live Chat", "web_chat", "livechat", "WhatsApp", "sms"])
def test_channels_of_chats_are_known(channel):
    assert is_chat(channel)
    assert not is_chat("email")


@pytest.mark.parametrize(
    "text", ["No", "Nein, danke.", "yes please!", "Ja, bitte", "Non merci", "Sí, gracias", "Nee, bedankt"]
)
def test_bare_answers_are_known(text):
    assert is_bare_answer(text)


@pytest.mark.parametrize(
    "text", ["Nothing works", "Now it works", "no idea why you charged me twice for the same month"]
)
def test_other_texts_are_not_bare_answers(text):
    assert not is_bare_answer(text)


def test_a_bare_answer_is_read_with_the_question_before_it():
    rows = [said(0, "hello"), said(1, ASKED, by="company"), said(2, "No, thanks")]
    assert texts(*rows) == ['hello\n"Would you like to cancel your contract?" – No, thanks']
    mails = [said(0, ASKED, by="company", channel="email"), said(1, "Nein, danke.", channel="email")]
    assert texts(*mails) == ['"Would you like to cancel your contract?" – Nein, danke.']


@pytest.mark.parametrize(
    "before",
    [
        said(0, "We have sent the invoice.", by="company"),
        said(0, ASKED, by="company", minutes=-90),
        said(0, ASKED, by="company", channel="email"),
        said(0, ASKED),
        said(0, ASKED, by="other"),
    ],
    ids=["no question", "long before", "another channel", "the customer's", "somebody else's"],
)
def test_any_other_message_before_it_is_not_shown(before):
    assert "–" not in "\n".join(texts(before, said(1, "No")))


def test_the_question_is_the_last_sentence_or_the_one_before():
    assert question_of("Hi! Shall I close it? Please answer yes or no.") == "Shall I close it?"
    assert question_of('Did you mean "Plus"?') == "Did you mean Plus?"
    assert question_of("How are you? I am Tom. I have your file. One moment.") is None
    long = question_of("Would you, " + "as we said before and again, " * 20 + "like to cancel?")
    assert len(long) <= 160
    assert long.endswith("like to cancel?")


def test_a_quote_lies_in_the_customers_words_alone():
    line = Line(said(2, "No, thanks"), said(1, ASKED, by="company"))
    for quote in ('"Would you like to cancel your contract?" – No, thanks', "No, thanks", 'contract?" – No, thanks.'):
        assert line.place(quote) == (0, 10)
    for quote in ("Would you like to cancel your contract?", "cancel your contract", "thanks for waiting"):
        assert line.place(quote) is None


def test_a_quote_over_several_lines_is_placed_by_its_longest_sentence():
    piece = Piece(tuple(map(Line, (said(0, "hi"), said(1, "please close my account today"), said(2, "ok")))))
    line, span = piece.place("hi\nplease close my account today")
    assert (line.interaction.text, span) == ("please close my account today", (0, 29))
    assert piece.place("I never said this at all") is None


WORDS = st.lists(
    st.sampled_from("my line is down no yes please cancel it today. why? thanks".split()), min_size=1, max_size=9
)
ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["customer", "company", "machine"]), WORDS), max_size=12)


@given(ROWS, st.sampled_from(["chat", "email"]))
def test_each_message_is_in_one_piece_and_each_quote_in_one_message(history, channel):
    minutes, rows = 0, []
    for n, (pause, by, words) in enumerate(history):
        minutes += pause
        rows.append(said(n, " ".join(words), minutes=minutes, by=by, channel=channel))
    taken = snapshot(*rows)
    found = pieces(taken)
    assert sorted(id_ for piece in found for id_ in piece.own_ids) == sorted(row.id for row in taken.messages)
    for piece in found:
        for line in piece.text.split("\n"):
            placed = piece.place(line)
            if placed:
                row, (start, end) = placed[0].interaction, placed[1]
                assert row.speaker == "customer"
                assert row.text[start:end]
