from collections import Counter

import pytest

from churn_agent.content.prompts import list_prompts, load_prompt
from churn_agent.errors import FileFormatError, InputError


def test_every_shipped_prompt_loads_and_says_what_it_tries():
    prompts = [load_prompt(mode, name) for mode, name in list_prompts()]

    counts = Counter(prompt.mode for prompt in prompts)
    assert counts["ask"] >= 4
    assert counts["read"] >= 3
    assert counts["explain"] >= 3
    assert all(prompt.tries for prompt in prompts)
    assert len({prompt.content_hash for prompt in prompts}) == len(prompts)


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(InputError, match="few_shot"):
        load_prompt("read", "nope")
    with pytest.raises(InputError, match="ask, read, explain"):
        load_prompt("guess")


def test_a_users_folder_adds_prompts_and_wins(tmp_path):
    (tmp_path / "ask").mkdir()
    mine = "version: 3\ntries: mine\nsystem: s\nuser: u\nquestions: [{id: q, text: t, churn: [Yes], stay: [No]}]\n"
    (tmp_path / "ask" / "mine.yaml").write_text(mine.replace("[Yes]", "['Yes']").replace("[No]", "['No']"))

    prompt = load_prompt("ask", "mine", folder=tmp_path)

    assert prompt.label == "ask/mine@3"
    assert ("ask", "lettered") in list_prompts(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\ntries: t\nsystem: s\nuser: u\ntemperature: 2\n", ":5: temperature: unknown key"),
        ("version: 1\ntries: t\nsystem: $password\nuser: u\n", "unknown variables password"),
        (
            "version: 1\ntries: t\nsystem: s\nuser: u\nquestions: [{id: q, text: t, churn: [a], stay: [b]}]\n",
            "mode 'ask'",
        ),
    ],
)
def test_a_mistake_in_a_prompt_file_is_named(tmp_path, text, said):
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "mine.yaml").write_text(text)

    with pytest.raises(FileFormatError) as caught:
        load_prompt("read", "mine", folder=tmp_path)

    assert said in str(caught.value)


def test_the_hash_follows_what_shapes_the_prompt(tmp_path):
    (tmp_path / "read").mkdir()
    path = tmp_path / "read" / "mine.yaml"
    hashes = []
    for tries, system in (("a", "one"), ("b", "one"), ("a", "two")):
        path.write_text(f"version: 1\ntries: {tries}\nsystem: {system}\nuser: u\n")
        hashes.append(load_prompt("read", "mine", folder=tmp_path).content_hash)

    assert hashes[0] == hashes[1] != hashes[2]
