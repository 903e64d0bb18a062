"""Solved problems: what ends a thread, and what a problem is worth then."""

from dataclasses import replace
from datetime import timedelta

import pytest

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.scoring.threads import SOLVED_SHARE, settled
from churn_agent.scoring.verdict import SOLVED
from tests.assessing.records import record_of, said
from tests.conftest import interaction, snapshot

TAXONOMY = load_taxonomy()
DOWN = "My internet has been down since Monday."


def row(n, text, hours, *, by="customer", channel="email", **metadata):
    direction = "inbound" if by == "customer" else "outbound"
    taken = interaction(n, days_ago=30, channel=channel, text=text, direction=direction, speaker=by, metadata=metadata)
    return replace(taken, occurred_at=taken.occurred_at + timedelta(hours=hours))


PROBLEM = row(0, DOWN, 0)
ANSWER = row(1, "We have replaced your router.", 5, by="company")
READ = said(PROBLEM, -1.0, unresolved_problem=0.9)


def strength(*rows, more=()):
    messages, solved = settled([READ, *more], snapshot(PROBLEM, *rows), TAXONOMY)
    return messages[0].signals["unresolved_problem"][0], "unresolved_problem" in solved


@pytest.mark.parametrize(
    "text", ["Thank you!", "Thanks, that was quick.", "Super, danke schön", "Merci beaucoup", "Grazie mille"]
)
def test_thanks_for_the_answer_end_the_thread(text):
    assert strength(ANSWER, row(2, text, 8)) == (pytest.approx(0.9 * SOLVED_SHARE), True)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, but it is still down.",
        "Thanks for nothing.",
        "Danke, aber es geht immer noch nicht.",
        "Thank you in advance.",
        "Thanks, when will it work?",
        "Where is the router?",
        "Thank you for the long explanation, I have read all of it and would like you to call me tomorrow.",
    ],
)
def test_other_words_do_not(text):
    assert strength(ANSWER, row(2, text, 8)) == (0.9, False)


def test_thanks_without_an_answer_or_before_it_do_not():
    assert strength(row(2, "Thank you!", 8)) == (0.9, False)
    assert strength(row(2, "Thank you!", 3), ANSWER) == (0.9, False)
    assert strength(row(1, "We have replaced it.", -5, by="company"), row(2, "Thank you!", 8)) == (0.9, False)


def test_the_customers_word_that_it_is_solved_ends_it_without_an_answer_on_record():
    works = row(2, "It works again now.", 30)
    assert strength(works, more=[said(works, -1.0, problem_solved=0.9)])[1]
    before = row(2, "It works again now.", -30)
    assert not strength(before, more=[said(before, -1.0, problem_solved=0.9)])[1]


@pytest.mark.parametrize(
    ("of_problem", "of_thanks", "solved"),
    [
        ({"subject": "Router"}, {"subject": "Re: AW: Router"}, True),
        ({"subject": "Router"}, {"subject": "Re: My invoice"}, False),
        ({"conversation_id": "7", "subject": "a"}, {"conversation_id": "7", "subject": "b"}, True),
        ({"conversation_id": "7"}, {"conversation_id": "8"}, False),
    ],
)
def test_only_the_end_of_the_same_thread_counts(of_problem, of_thanks, solved):
    problem, works = row(0, DOWN, 0, **of_problem), row(2, "It works again now.", 8, **of_thanks)
    messages = [said(problem, -1.0, unresolved_problem=0.9), said(works, -1.0, problem_solved=0.9)]
    assert ("unresolved_problem" in settled(messages, snapshot(problem, works), TAXONOMY)[1]) == solved


def test_without_a_name_a_thread_is_of_one_channel_and_two_weeks():
    for late in (row(2, "Thank you!", 24 * 20), row(2, "Thank you!", 8, channel="sms")):
        assert strength(ANSWER, late) == (0.9, False)


def test_a_problem_that_comes_again_is_open():
    again = row(3, "It is down again!", 40)
    thanks = row(2, "Thank you!", 8)
    messages, solved = settled(
        [READ, said(again, -1.0, unresolved_problem=0.8)], snapshot(PROBLEM, ANSWER, thanks, again), TAXONOMY
    )
    assert [each.signals["unresolved_problem"][0] for each in messages] == [pytest.approx(0.9 * SOLVED_SHARE), 0.8]
    assert not solved


def test_only_problems_are_worth_less():
    read = said(PROBLEM, 1.0, leaving_announced=0.9, price=0.8)
    messages, solved = settled([read], snapshot(PROBLEM, ANSWER, row(2, "Thank you!", 8)), TAXONOMY)
    assert messages == [read]
    assert not solved


def test_the_card_says_that_it_was_solved_and_shows_a_lower_score():
    thanks = row(2, "Thank you!", 8)
    open_ = record_of([READ], snapshot=snapshot(PROBLEM, ANSWER))
    solved = record_of([READ], snapshot=snapshot(PROBLEM, ANSWER, thanks))
    assert solved.churn_probability.raw < open_.churn_probability.raw
    [reason] = [each for each in solved.reasons if each.concept == "unresolved_problem"]
    assert reason.statement == SOLVED
    assert [each.statement for each in open_.reasons if each.concept == reason.concept] != [SOLVED]
