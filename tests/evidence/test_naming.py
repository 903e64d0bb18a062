from hypothesis import given
from hypothesis import strategies as st

from churn_agent.evidence.naming import Renaming, named, renamed


def test_companies_get_made_up_names_in_whatever_case_they_are_written():
    text = "SALT is bad, I go from Salt to Rival & Co., not to upc. Saltier than Rival & Co"
    expected = "Acme is bad, I go from Acme to Rivalo., not to Beta. Saltier than Rivalo"
    assert renamed(text, "salt", ["Rival & Co", "UPC", "salt"]) == expected


def test_a_longer_name_wins_over_one_that_it_begins_with():
    assert renamed("Blue Sky or Blue?", "Blue", ["Blue Sky"]) == "Rivalo or Acme?"


def test_more_companies_than_names_take_turns():
    assert renamed("a b c d e a", "own", "abcde", as_others=("x", "y")) == "x y x y x x"


def test_the_companies_that_a_text_names_are_told_in_lower_case():
    assert named("From Salt to SALT, or O2?", "swisscom", ["salt", "o2", "UPC"]) == {"salt", "o2"}


def test_a_book_whose_company_has_no_name_leaves_texts_alone():
    assert renamed("a text, and - another", "") == "a text, and - another"


@given(st.lists(st.sampled_from(["Northline", "northline", "Vexo", "x", "vexo.", " and ", "é"]), max_size=12))
def test_positions_lead_back_to_the_original(parts):
    text = " ".join(parts)
    renaming = Renaming(text, "Northline", ["Vexo"])
    assert renaming.text == renamed(text, "Northline", ["Vexo"])
    places = [renaming.original(at) for at in range(len(renaming.text) + 1)]
    assert places == sorted(places)
    assert all(0 <= at <= len(text) for at in places)
    for at, character in enumerate(renaming.text):
        if character in "xé" and renaming.text[max(0, at - 1)] == " ":
            assert text[places[at]] == character
