import json

import pytest
from pydantic import ValidationError

from churn_agent.elicitation.second_reader.messages import GoldMessage, load, without_near_duplicates
from churn_agent.errors import DataError


def message(text):
    return GoldMessage(text=text, leaning="none", tone="neutral")


def test_a_line_that_is_no_message_is_named(tmp_path):
    path = tmp_path / "m.jsonl"
    rows = [{"text": "a", "leaning": "none", "tone": "neutral", "id": "1"}, {"text": "b", "leaning": "perhaps"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(DataError, match=r"m\.jsonl, line 2: "):
        list(load(path))


def test_messages_that_resemble_a_test_message_are_left_out():
    tested = ["I have been waiting for three weeks now and nobody calls me back."]
    near = message("i have been waiting for three weeks now, and nobody calls me back!! Tom")
    far = message("I have been waiting for three weeks now; could you tell me when the engineer comes to us?")
    short, same = message("Hello there"), message("Thank you")
    assert list(without_near_duplicates([near, far, short, same], [*tested, "thank you"])) == [far, short]


def test_leaning_and_tone_may_be_unknown_only_where_some_signals_were_judged():
    assert GoldMessage(text="hello", judged=["price"]).leaning is None
    with pytest.raises(ValidationError, match="needs 'leaning' and 'tone', or 'judged'"):
        GoldMessage(text="hello", leaning="none")
