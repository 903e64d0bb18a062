import re

import pytest

from churn_agent.ingest.cleaning.headers import header
from churn_agent.ingest.cleaning.lines import lines_of
from churn_agent.ingest.cleaning.words import any_of, pattern, words


def _texts(value):
    if isinstance(value, dict):
        value = value.values()
    return (
        [value]
        if not isinstance(value, list | type({}.values()))
        else [text for part in value for text in _texts(part)]
    )


def test_every_word_is_text():
    assert [word for word in _texts(words()) if not isinstance(word, str)] == []


FIELDS = [(role, word) for role in ("from", "sent", "to", "subject") for word in words()["headers"][role]]


@pytest.mark.parametrize(("role", "word"), FIELDS, ids=lambda part: part)
def test_fields_of_headers_are_recognised_in_any_case(role, word):
    others = {
        "from": "From: Acme",
        "sent": "Sent: today",
        "to": "To: Ana <ana@home.example>",
        "subject": "Subject: hello",
    }
    texts = {
        key: "\n".join((others | {role: f"{key}: <acme@acme.example>"}).values())
        for key in (word, word.upper(), word.capitalize())
    }
    assert [key for key, text in texts.items() if header(lines_of(text), 0) is None] == []


def test_phrases_match_as_whole_words_except_in_scripts_without_spaces():
    found = re.compile(any_of(["wrote", "a écrit", "写道"]))
    assert all(map(found.search, ("he wrote:", "il a écrit", "10:00写道 ")))
    assert not found.search("underwrote")


def test_patterns_may_name_others():
    assert pattern("client").fullmatch("Sent from my iPhone")
    assert "{" not in pattern("devices").pattern.replace("{0,", "").replace("{1,", "")
