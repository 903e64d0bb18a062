"""What is shown of long texts."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.choose import _parts
from churn_agent.elicitation.confirm import LONGEST_QUOTE
from churn_agent.evidence.excerpts import GAP, ends, excerpt
from churn_agent.evidence.grounding import find_quote, ground
from tests.conftest import examples, write_csv

TELLING = load_taxonomy().telling_words
THREAT = "If this is not fixed today I will cancel the contract."


def words(text):
    return len(text.split())


def shown(text, budget=60, **more):
    return excerpt(text, budget, words, telling=TELLING, **more)[0]


def log(n):
    return "\n".join(f"10:{i % 60:02}:00 ERROR worker-{i % 9} failed at step {i}" for i in range(n))


def test_a_text_that_fits_is_shown_as_it_is():
    text = "Hello,\n\n  two  spaces.\tDone"
    assert excerpt(text, 5, words, telling=TELLING) == (text, 4, 0)


def test_the_last_line_below_a_log_is_shown():
    text = f"Hello, see the log below.\n{log(3000)}\n{THREAT}"
    assert shown(text) == f"Hello, see the log below.{GAP}{THREAT}"
    assert "ERROR" in shown(log(3000))


def test_a_sentence_in_the_middle_of_a_log_is_shown():
    for sentence in (THREAT, "Wenn das so bleibt, kündigen wir den Vertrag."):
        text = f"Hello.\n{log(400)}\n{sentence}\n{log(400)}\nBye"
        assert sentence in shown(text).splitlines()


def test_the_end_of_a_run_on_message_is_shown():
    text = " ".join(f"and then thing{i} happened to my router" for i in range(300)) + " so I am leaving you for good"
    assert shown(text).endswith("so I am leaving you for good")


def test_a_long_text_without_spaces_is_divided_at_its_punctuation():
    text = "服务很好，" * 400 + "我要取消合同。"
    found, tokens, _ = excerpt(text, 300, len, telling=TELLING)
    assert found.endswith("我要取消合同。")
    assert tokens <= 300
    assert all(find_quote(block, text) for block in found.split(GAP))


def test_most_of_a_letter_is_its_end_not_its_beginning():
    names = [a + b for a in "abcdefghij" for b in "klmnopqrst"]
    text = " ".join(f"Sentence {name} says a thing about the shop." for name in names)
    found = [names.index(name) for name in re.findall(r"Sentence (\w+)", shown(text, 80))]
    assert found[0] == 0
    assert found[-3:] == [97, 98, 99]


def test_two_megabytes_are_not_counted_token_by_token():
    counted = 0

    def count(text):
        nonlocal counted
        counted += len(text)
        return words(text)

    text = f"Hello.\n{log(40_000)}\n{THREAT}"
    found, tokens, left_out = excerpt(text, 500, count, telling=TELLING)
    assert THREAT in found
    assert tokens <= 500
    assert left_out > 100_000
    assert counted < len(text) / 10


@settings(deadline=None, max_examples=examples(50))
@given(
    st.lists(
        st.text("ab c.,\n!?é", max_size=80) | st.sampled_from(["I am leaving.", "a" * 300, "b c " * 90]), max_size=40
    ),
    st.integers(1, 60),
)
@example([], 1)
@example(["   "] * 30, 1)
def test_an_excerpt_keeps_the_budget_and_every_part_of_it_can_be_quoted(pieces, budget):
    text = "\n".join(pieces)
    found, tokens, left_out = excerpt(text, budget, words, telling=TELLING)
    assert tokens == words(found) <= budget
    assert left_out >= 0
    assert budget < 3 or not re.search(r"\w", text) or found.strip()
    for block in found.split(GAP):
        assert not re.search(r"\w", block) or find_quote(block, text) is not None
    for part in _parts(found):
        if re.search(r"\w", part) and len(part) < LONGEST_QUOTE:
            assert find_quote(part, text) is not None


def test_a_quote_from_an_excerpt_is_found_in_the_whole_text():
    text = f"No.\n{log(2000)}\nStop it.\nI will cancel the contract today."
    [quote] = [part for part in _parts(shown(text)) if "cancel" in part]
    start, end = ground(quote, text)
    assert "I will cancel the contract today" in text[start:end]


def test_the_ends_of_a_text_are_its_first_and_last_quarter():
    assert ends("a" * 200 + "b" * 200) == "a" * 100 + GAP + "b" * 100
    assert ends("a" * 119) == "a" * 119


def test_a_model_is_shown_the_last_line_of_two_megabytes_and_the_card_says_what_was_left_out(agent, tmp_path):
    text = f"Hello, see the log below.\n{log(40_000)}\n{THREAT}"
    write_csv(tmp_path / "t.csv", f'c-1,2026-02-01,ticket,"{text}"')
    agent.ingest(tmp_path / "t.csv")
    [shown_to_model] = agent.evidence("c-1").pack.evidence
    assert shown_to_model.text.endswith(THREAT)
    assert len(shown_to_model.text) < 500
    assert agent.assess("c-1").left_out.tokens > 100_000
