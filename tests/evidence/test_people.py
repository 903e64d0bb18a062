"""The people of an account: roles, silence, arrivals and departures, and whether all hangs on one of them."""

import pytest

from churn_agent.domain.interactions import Mark
from churn_agent.evidence.people import numbers, people_of
from churn_agent.evidence.people_words import moves_in, role_in_words, role_of_title
from tests.conftest import AS_OF, interaction, snapshot

ANNA, BEN = "Anna Berg", "Ben Koch"


def said(n, days_ago, author, text="a question", **more):
    return interaction(n, days_ago=days_ago, text=text, channel="email", author=author, **more)


def regular(author, start, last, step=10, first_n=0):
    return [said(first_n + k, day, author) for k, day in enumerate(range(start, last - 1, -step))]


def by_name(*rows, **more):
    return {person.name: person for person in people_of(snapshot(*rows, **more)).people}


def test_who_has_gone_silent_is_measured_against_their_own_rhythm():
    people = by_name(*regular(ANNA, 200, 100), *regular(BEN, 200, 5, first_n=100))
    assert (people[ANNA].silent, people[ANNA].silence_days) == (True, 100)
    assert not people[BEN].silent
    slow = by_name(*[said(n, day, ANNA) for n, day in enumerate((300, 240, 180, 100))])
    assert not slow[ANNA].silent  # 100 days after a gap of 60


def test_a_person_who_wrote_once_is_not_silent():
    assert not by_name(said(1, 200, ANNA), said(2, 1, BEN))[ANNA].silent


@pytest.mark.parametrize(
    ("attributes", "role"),
    [
        ({"decision_maker": "Berg, Anna"}, "decision maker"),
        ({"champion": ANNA}, "champion"),
        ({"key_user": ANNA}, "user"),
    ],
)
def test_an_attribute_maps_a_role_to_a_person(attributes, role):
    [person] = people_of(snapshot(said(1, 3, ANNA), attributes=attributes)).people
    assert (person.name, person.role, person.messages) == (ANNA, role, 1)


def test_somebody_who_is_only_named_is_among_the_people_and_has_never_written():
    people = by_name(said(1, 3, ANNA), attributes={"decision_maker": "Carla Diaz <carla@x.example>"})
    assert (people["Carla Diaz"].messages, people["Carla Diaz"].silence_days) == (0, None)


def test_a_role_comes_from_metadata_a_signature_or_words():
    signature = (Mark(10, "signature", f"\n--\n{ANNA}\nHead of Procurement, Acme"),)
    assert by_name(said(1, 3, ANNA, metadata={"job_title": "CFO"}))[ANNA].role == "decision maker"
    assert by_name(said(1, 3, ANNA, marks=signature))[ANNA].role == "decision maker"
    assert by_name(said(1, 3, ANNA, text="As managing director I want an answer."))[ANNA].role == "decision maker"


@pytest.mark.parametrize(
    ("title", "role"),
    [("Geschäftsführerin", "decision maker"), ("VP Sales", "decision maker"), ("System Administrator", "user"),
     ("Sachbearbeiterin", "user"), ("", None), ("We are the owners of a large house by the sea with many rooms", None)],
)  # fmt: skip
def test_titles(title, role):
    assert role_of_title(title) == role


@pytest.mark.parametrize(
    ("text", "role"),
    [("I recommended you to our board.", "champion"), ("Ich habe mich für Sie eingesetzt.", "champion"),
     ("I use it every day.", "user"), ("I'm the new IT director here.", "decision maker"),
     ("Ich bin die neue Einkaufsleiterin.", "decision maker"),
     ("As a customer I expect more.", None), ("Can I ask the director?", None), ("I am happy.", None)],
)  # fmt: skip
def test_roles_in_words(text, role):
    found = role_in_words(text)
    assert (found[0] if found else None) == role


LEFT = [
    ("My last day here is Friday.", None, None),
    ("I am leaving the company at the end of May. My successor is Carla Diaz.", None, "Carla Diaz"),
    ("Mein letzter Arbeitstag ist der 30. Juni. Meine Nachfolgerin ist Carla Diaz.", None, "Carla Diaz"),
    ("Ben Koch has left the company.", "Ben Koch", None),
    ("Sadly Ben Koch has left us. Please contact Carla Diaz.", "Ben Koch", "Carla Diaz"),
    ("Ben Koch ist nicht mehr bei uns, Frau Diaz übernimmt.", "Ben Koch", "Diaz"),
    ("Herr Koch hat das Unternehmen verlassen.", "Koch", None),
]


@pytest.mark.parametrize(("text", "name", "successor"), LEFT)
def test_departures_with_and_without_a_successor(text, name, successor):
    [move] = [move for move in moves_in(text) if move.kind == "left"]
    assert (move.name, move.successor) == (name, successor)


@pytest.mark.parametrize(
    "text",
    [
        "I am leaving you for a cheaper provider.", "The Login is no longer working.", "Export no longer works.",
        "You left us without a phone for a week.", "If Ben Koch has left the company, whom do I write to?",
        "Has Ben Koch left the company?", "Vodafone left us waiting.", "I will leave at the end of the contract.",
        "Das Gerät ist nicht mehr im Angebot.", "I am new to this.",
    ],
)  # fmt: skip
def test_customers_who_leave_us_or_things_that_break_are_no_departures(text):
    assert [move for move in moves_in(text) if move.kind == "left"] == []


def test_an_arrival_names_whom_it_follows():
    people = by_name(*regular(BEN, 300, 60), said(90, 20, ANNA, text="I have taken over from Ben Koch."))
    assert people[ANNA].arrived
    assert people[BEN].left
    assert people[BEN].left.successor == ANNA
    assert people[BEN].left.citation.quote == "I have taken over from Ben Koch."


def test_who_says_goodbye_and_goes_on_writing_has_not_left():
    bye = "My last day here is Friday."
    assert by_name(said(1, 100, ANNA, text=bye))[ANNA].left
    assert by_name(said(1, 100, ANNA, text=bye), said(2, 20, ANNA))[ANNA].left is None


def test_a_machine_says_that_somebody_is_gone():
    text = "Ben Koch is no longer with the company. Please contact Carla Diaz."
    people = by_name(*regular(BEN, 200, 60), said(90, 5, None, text=text, direction="inbound", speaker="machine"))
    assert people[BEN].left.successor == "Carla Diaz"


def test_what_staff_say_of_themselves_is_not_about_the_account():
    text = "My last day here is Friday. Please contact Carla Diaz."
    people = by_name(said(1, 9, ANNA), said(2, 5, "Our Agent", text=text, direction="outbound"))
    assert [person for person in people.values() if person.left] == []


@pytest.mark.parametrize(
    ("rows", "only"),
    [
        ([*regular(ANNA, 400, 5), *regular(BEN, 400, 300, first_n=100)], ANNA),
        ([*regular(ANNA, 400, 5), *regular(BEN, 400, 100, first_n=100)], None),  # both lately
        (regular(ANNA, 400, 5), None),  # there was never another one
        ([*regular(ANNA, 400, 300), *regular(BEN, 400, 300, first_n=100)], None),  # nobody lately
    ],
)
def test_an_account_hangs_on_one_person_if_only_one_of_several_has_written_lately(rows, only):
    assert people_of(snapshot(*rows)).single_thread == only


def test_it_hangs_on_the_one_who_stays_when_the_other_leaves():
    rows = [*regular(ANNA, 100, 5), *regular(BEN, 100, 30, first_n=100), said(200, 20, BEN, text="My last day here.")]
    assert people_of(snapshot(*rows)).single_thread == ANNA


def test_rules_compare_departures_without_a_successor_and_the_silence_of_roles():
    rows = [*regular(ANNA, 100, 40), *regular(BEN, 100, 30, first_n=100), said(200, 20, BEN, text="My last day here.")]
    found = numbers(people_of(snapshot(*rows, attributes={"decision_maker": ANNA})), AS_OF)
    assert found == {"people_left": 1, "single_thread": 1, "decision_maker_silence": 40}
    followed = [*rows[:-1], said(200, 20, BEN, text="My last day here. Carla Diaz will take over.")]
    assert numbers(people_of(snapshot(*followed)), AS_OF)["people_left"] == 0
    old = [*regular(ANNA, 300, 5), said(200, 120, BEN, text="My last day here.")]
    assert numbers(people_of(snapshot(*old)), AS_OF)["people_left"] == 0
