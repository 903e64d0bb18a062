import string

from hypothesis import assume, given
from hypothesis import strategies as st

from churn_agent.evidence.grounding import find_quote, ground, sentences

WORDS = st.lists(st.text(string.ascii_lowercase, min_size=2, max_size=8), min_size=5, max_size=20)


@given(WORDS, st.data())
def test_words_of_a_text_are_found_whatever_their_case_and_white_space(words, data):
    text = " ".join(words)
    begin = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(begin + 1, len(words)))
    quote = data.draw(st.sampled_from(["  ", "\n", "\t "])).join(words[begin:end]).upper()

    span = find_quote(quote, text)

    assert span is not None
    assert text[slice(*span)].split() == words[begin:end]


@given(WORDS, st.data())
def test_a_quote_with_one_word_changed_is_not_found(words, data):
    at = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.text(string.ascii_lowercase, min_size=2, max_size=8))
    assume(other != words[at])
    changed = [*words[:at], other, *words[at + 1 :]]

    assert find_quote(" ".join(changed), " ".join(words)) is None


@given(WORDS, st.data())
def test_a_quote_with_a_letter_dropped_is_not_found(words, data):
    quote = " ".join(words)
    at = data.draw(st.integers(0, len(quote) - 1))
    assume(quote[at] != " ")
    shorter = quote[:at] + quote[at + 1 :]
    assume(not quote.startswith(shorter) and not quote.endswith(shorter))

    assert find_quote(shorter, quote) is None


def test_typography_and_compatibility_forms_do_not_matter():
    assert find_quote("don't stop - now", "Please don\u2019t stop \u2014 now!") is not None
    assert find_quote("caf\u00e9 file", "the cafe\u0301 \ufb01le is") is not None
    assert find_quote("K\u00fcndigung", "die KU\u0308NDIGUNG kommt") is not None


def test_half_of_a_word_is_no_quote():
    assert find_quote("terminate", "I determinate it") is None
    assert find_quote("f\u00fc", "f\u00fcr mich") is None
    assert find_quote("fu", "f\u00fcr mich") is None


def test_an_empty_quote_is_no_quote():
    assert find_quote(" .. ", "text") is None


def test_a_short_quote_is_widened_to_its_sentence():
    text = "Hello. The router is very slow today. Bye."
    span = ground("very slow", text)
    assert span is not None
    assert text[slice(*span)] == "The router is very slow today."


def test_a_short_sentence_takes_its_neighbour():
    text = "Hi. I quit. The router is slow."
    assert text[slice(*ground("I quit", text))] == "I quit. The router is slow."
    last = "Hello dear team. I quit."
    assert last[slice(*ground("I quit", last))] == last


def test_a_quote_without_content_counts_only_as_the_whole_message():
    assert ground("I quit", "I quit!") == (0, 6)
    assert ground("I am", "I am. The invoice was wrong again this month.") is None


def test_sentences_cover_all_that_is_not_white_space():
    text = "One two.  Three?\n\nFour; five"
    assert [text[slice(*span)] for span in sentences(text)] == ["One two.", "Three?", "Four;", "five"]
