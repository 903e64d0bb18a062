import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.interactions import text_id
from churn_agent.evidence.excerpts import GAP
from churn_agent.evidence.retrieval import latest, retrieve
from churn_agent.evidence.sessions import Piece
from tests.conftest import interaction, snapshot

DIMENSION = 8


def vector(*weights):
    row = np.zeros((1, DIMENSION), np.float32)
    row[0, : len(weights)] = weights
    return row / max(float(np.linalg.norm(row)), 1e-9)


QUERIES = {"risk": vector(1), "protective": vector(0, 1), "neutral": vector(0, 0, 0, 0, 0, 1)}


def pack(rows, *, limit=4, budget=1000, vectors=None, **more):
    filed = {text_id(text): v for text, v in (vectors or {}).items()}
    return retrieve(
        snapshot(*rows, vectors=filed),
        list(map(Piece.of, rows)),
        QUERIES,
        limit=limit,
        token_budget=budget,
        count_tokens=lambda text: len(text.split()),
        **more,
    )


@given(st.integers(0, 60), st.integers(2, 12))
def test_a_text_to_keep_is_shown_however_many_newer_ones_there_are(newer, limit):
    rows = [interaction(0, days_ago=200, text="I cancel")]
    rows += [interaction(n, days_ago=100, text=f"hello {n}") for n in range(1, newer + 1)]
    shown = pack(rows, limit=limit, keep=lambda text: "cancel" in text).evidence
    assert len(shown) == min(limit, newer + 1)
    assert shown[0].interaction.text == "I cancel"


def test_texts_to_keep_leave_room_for_others():
    rows = [interaction(n, days_ago=300 - n, text=f"I cancel {n}") for n in range(30)]
    rows += [interaction(100 + n, days_ago=20 - n, text=f"hello {n}") for n in range(15)]
    shown = [e.interaction.text for e in pack(rows, limit=8, keep=lambda text: "cancel" in text).evidence]
    assert sum("cancel" in text for text in shown) == 4
    assert "hello 14" in shown


@given(
    st.lists(st.tuples(st.integers(0, 300), st.text("abc ", max_size=60)), max_size=25),
    st.integers(1, 12),
    st.integers(5, 60),
)
def test_what_is_shown_keeps_limit_budget_and_order(history, limit, budget):
    rows = [interaction(n, days_ago=days, text=text) for n, (days, text) in enumerate(history)]

    found = pack(rows, limit=limit, budget=budget)

    shown = found.evidence
    assert len(shown) <= limit
    assert sum(len(each.text.split()) for each in shown) <= budget
    assert [each.label for each in shown] == [f"E{i}" for i in range(1, len(shown) + 1)]
    assert [e.interaction.occurred_at for e in shown] == sorted(e.interaction.occurred_at for e in shown)
    assert found.left_out.interactions == len(rows) - len(shown)
    assert len({each.interaction.text for each in shown}) == len(shown)


def test_relevant_latest_and_counter_evidence_are_in():
    filler = [interaction(n, days_ago=10 + n, text=f"filler {n}") for n in range(30)]
    leaving = interaction(100, days_ago=50, text="I am leaving")
    happy = interaction(101, days_ago=60, text="I am happy")
    newest = interaction(102, days_ago=0, text="newest")
    vectors = {each.text: vector(0, 0, 1) for each in filler} | {
        "I am leaving": vector(1),
        "I am happy": vector(0, 1),
        "newest": vector(0, 0, 0, 1),
    }

    texts = [each.text for each in pack([*filler, leaving, happy, newest], vectors=vectors).evidence]

    assert {"I am leaving", "I am happy", "newest"} <= set(texts)


def test_near_repeats_give_way_to_something_else():
    repeats = [interaction(n, days_ago=20 + n, text=f"too expensive {n}") for n in range(20)]
    other = interaction(100, days_ago=40, text="the line is dead")
    newest = interaction(101, days_ago=0, text="newest")
    vectors = {each.text: vector(1, 0, 0.02) for each in repeats} | {
        "the line is dead": vector(0.8, 0, 0, 0.6),
        "newest": vector(0, 0, 0, 0, 1),
    }

    texts = [each.text for each in pack([*repeats, other, newest], vectors=vectors).evidence]

    assert "the line is dead" in texts


def test_equal_texts_are_shown_once_as_the_latest():
    rows = [interaction(n, days_ago=n, text="invoice paid") for n in range(5)]
    [only] = pack(rows).evidence
    assert only.interaction.occurred_at == max(row.occurred_at for row in rows)


def test_of_a_long_text_an_excerpt_of_whole_words_is_shown_and_the_rest_counted():
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = pack([interaction(1, text=" ".join(f"word{a}{b}" for a in letters[:20] for b in letters[:25]))], budget=100)
    [only] = found.evidence
    assert {len(word) for word in only.text.replace(GAP, " ").split()} == {6}
    shown = len(only.text.split())
    assert 40 <= shown <= 100
    assert found.left_out.tokens == 500 - shown


def test_of_a_long_text_the_parts_nearest_to_the_signals_are_shown():
    """By vectors of its parts, where its words are of another language than the signals' phrases."""
    lines = [f"zeile {'abcdefghij'[n // 10] * 2}{'abcdefghij'[n % 10]} von hier" for n in range(100)]
    lines[44] = "ich gehe bald fort"
    text = "\n".join(lines)
    rows = np.vstack([vector(1) if n == 4 else vector(0, 0, 1) for n in range(10)])
    [only] = pack([interaction(1, text=text)], budget=60, vectors={text: rows}).evidence
    assert "ich gehe bald fort" in only.text.splitlines()


def test_what_sounds_like_nothing_gives_way():
    routine = [interaction(n, days_ago=10 + n, text=f"please change my address {n}") for n in range(20)]
    telling = interaction(100, days_ago=200, text="enough of you")
    vectors = {each.text: vector(0.6, 0, 0, 0, 0, 0.8) for each in routine} | {"enough of you": vector(0.5, 0, 0.8)}
    assert "enough of you" in [each.text for each in pack([*routine, telling], vectors=vectors, limit=3).evidence]


def test_the_latest_are_whole_different_and_oldest_first():
    rows = [interaction(n, days_ago=10 - n, text=text) for n, text in enumerate(["a", "b", "a", " ", "c " * 9000, "d"])]
    pack = latest(list(map(Piece.of, rows)), 3)
    assert [each.interaction.id for each in pack.evidence] == [rows[n].id for n in (2, 4, 5)]
    assert pack.evidence[1].text == rows[4].text
    assert pack.left_out.interactions == 3
