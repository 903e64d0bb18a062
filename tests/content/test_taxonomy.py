"""The taxonomy: the shipped one and a user's own."""

import pytest
import yaml

from churn_agent.content.folders import shipped_folder
from churn_agent.content.playbook import load_playbook
from churn_agent.content.prompts import default_name, load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.errors import FileFormatError

OWN = """version: 1
neutral_queries: [hello]
signals:
  - {id: quits, polarity: risk, definition: quits, statement: Quits., word: quit, weight: 3.0,
     role: leaving_announced, queries: [I quit]}
  - {id: glad, polarity: protective, definition: is glad, statement: Is glad., word: glad, weight: -1.0, queries: [glad]}
"""


@pytest.fixture
def own(tmp_path):
    """Writes a folder of own prompts with a taxonomy."""

    def write(text=OWN):
        (tmp_path / "signals.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_every_shipped_signal_has_a_word_and_a_weight():
    taxonomy = load_taxonomy()
    assert len(taxonomy.signals) == len(taxonomy.words) == len(taxonomy.weights) == 22
    assert all(taxonomy.weights.values())


def test_an_own_taxonomy_replaces_the_shipped_one(own):
    taxonomy = load_taxonomy(own())
    assert taxonomy.weights == {"quits": 3.0, "glad": -1.0}
    assert (taxonomy.with_role("leaving_announced"), taxonomy.with_role("leaving_considered")) == ("quits", None)
    assert taxonomy.statements("Acme") == {"quits": "Quits.", "glad": "Is glad."}


def test_prompts_ask_for_the_words_of_an_own_taxonomy(own):
    prompt = load_prompt("read", "words", folder=own())
    assert prompt.choice.words == {"quits": "quit", "glad": "glad"}
    assert prompt.content_hash != load_prompt("read", "words").content_hash
    assert prompt.hashes == {prompt.content_hash}  # records with the shipped signals are not of this prompt


def test_the_default_prompt_uses_the_second_reader_only_for_signals_and_models_that_it_knows(own):
    shipped = (shipped_folder() / "signals.yaml").read_text(encoding="utf-8")
    assert load_prompt("read").second_reader
    assert load_prompt("read", folder=own(shipped.replace("weight: 0.6", "weight: 0.7"))).second_reader
    assert not load_prompt("read", folder=own()).second_reader
    assert default_name("read") != default_name("read", stand_in=True) == default_name("read", own())
    assert default_name("ask") == default_name("ask", stand_in=True)


def test_another_definition_is_another_prompt_and_another_weight_is_not(own):
    shipped = (shipped_folder() / "signals.yaml").read_text(encoding="utf-8")
    plain = load_prompt("read", "words").content_hash
    assert load_prompt("read", "words", folder=own(shipped.replace("weight: 0.6", "weight: 0.7"))).content_hash == plain
    assert (
        load_prompt("read", "words", folder=own(shipped.replace("it is too expensive\n", "dear\n"))).content_hash
        != plain
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("weight: 3.0", "weight: -3.0", "'quits' has polarity 'risk' but weight -3"),
        ("weight: 3.0", "weight: .inf", "finite"),
        ("id: glad", "id: quits", "two signals have the id 'quits'"),
        ("word: glad", "word: quit", "two signals have the word 'quit'"),
        ("weight: -1.0,", "weight: -1.0, role: leaving_announced,", "two signals have the role 'leaving_announced'"),
        ("role: leaving_announced", "role: leaving", "role"),
        ("id: glad", "id: recency", "'recency' is the name of a fact"),
    ],
)
def test_a_mistake_in_a_taxonomy_is_one_line_that_names_the_file(own, before, after, said):
    assert before in OWN
    with pytest.raises(FileFormatError, match=said) as caught:
        load_taxonomy(own(OWN.replace(before, after)))
    assert "signals.yaml:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_playbook_for_signals_that_are_not_there_is_one_line(own):
    with pytest.raises(FileFormatError, match="addresses 'leaving_announced', which is neither a signal nor a fact"):
        load_playbook(own())


def test_a_playbook_may_name_the_signals_of_an_own_taxonomy(own):
    folder = own()
    action = {
        "id": "a", "title": "A", "what": "w", "addresses": ["quits"], "when": "quits > 0.5", "urgency": "today",
        "cost": 1, "owner": "me", "channel": "phone",
    }  # fmt: skip
    (folder / "playbook.yaml").write_text(yaml.safe_dump({"version": 1, "actions": [action]}))
    playbook = load_playbook(folder)
    assert playbook.signals == ("quits", "glad")
    assert playbook.actions[0].addresses == ("quits",)
