import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.conditions import parse
from churn_agent.errors import InputError

KNOWN = {"segment": "smb", "owner": "Ana", "overdue": 1.5, "plan": "12", "company.size": 40.0}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("segment=smb", True),
        ("segment = SMB and owner=ana", True),
        ("segment != smb", False),
        ("overdue >= 1.5", True),
        ("overdue > 1.5 or segment = smb", True),
        ("not overdue < 1", True),
        ("not (segment = smb and owner = ana)", False),
        ("owner in (bob, ana)", True),
        ("owner in (bob)", False),
        ('owner = "ana"', True),
        ("plan = 12", True),
        ("plan > 11", True),
        ("company.size <= 40", True),
        ("segment = smb or segment = big and overdue > 9", True),
        ("region = north", None),
        ("not region = north", None),
        ("region = north or segment = smb", True),
        ("region = north and segment = big", False),
        ("region = north and segment = smb", None),
        ("segment > 3", None),
        ("overdue = -1", False),
        ("AND = 1 or segment = smb", "?"),
    ],
)
def test_what_holds(text, holds):
    if holds == "?":
        with pytest.raises(InputError):
            parse(text)
    else:
        assert parse(text).holds(KNOWN) is holds


@pytest.mark.parametrize("text", ["", "segment", "segment =", "= smb", "a = 1 and", "(a = 1", "a = 1 b = 2", "a in 1"])
def test_what_cannot_be_read_is_said(text):
    with pytest.raises(InputError, match="cannot read the condition"):
        parse(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InputError):
        parse(text).holds(KNOWN)


def test_names_and_kinds_are_checked():
    kinds = {"overdue": "number", "segment": "text"}
    parse("overdue >= 1 and segment in (smb, big)").check(kinds)
    for text, said in (
        ("overdue = late", "is a number"),
        ("segment > smb", "is text"),
        ("not colour = red", "unknown name 'colour'"),
    ):
        with pytest.raises(InputError, match=said):
            parse(text).check(kinds)


def test_a_name_with_signs_stands_between_backticks():
    condition = parse("`plan-type 2` = gold and segment = smb")
    assert condition.holds({"plan-type 2": "gold", "segment": "smb"})
    assert not condition.holds({"plan-type 2": "tin", "segment": "smb"})
