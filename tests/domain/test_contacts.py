import pytest

from churn_agent.domain.contacts import Author, author_of, contacts_of

MAIK = "maik.dressler@freenet.example"


@pytest.mark.parametrize(
    ("written", "author"),
    [
        (f"Maik Dreßler <{MAIK}>", Author("Maik Dreßler", MAIK)),
        (f'"Dreßler, Maik" <{MAIK.upper()}>', Author("Dreßler, Maik", MAIK)),
        (f"Maik Dreßler ({MAIK})", Author("Maik Dreßler", MAIK)),
        (f"{MAIK} (Maik Dreßler)", Author("Maik Dreßler", MAIK)),
        (f"Maik [mailto:{MAIK}]", Author("Maik", MAIK)),
        (MAIK, Author("", MAIK)),
        (f"<{MAIK}>", Author("", MAIK)),
        ("Maik Dreßler", Author("Maik Dreßler", "")),
        ("Maik @ Freenet", Author("Maik @ Freenet", "")),
        ("4711", Author("4711", "")),
    ],
)
def test_names_and_addresses_are_taken_apart(written, author):
    assert author_of(written) == author


@pytest.mark.parametrize(
    "authors",
    [
        [f"Maik Dreßler <{MAIK}>", "Maik Dreßler", MAIK, "Maik", "Dreßler, Maik"],
        ["maik dressler", MAIK],
        ["Maik", f"M. Dreßler <{MAIK}>", f"Maik Dreßler <{MAIK}>"],
        ["Maik Dreßler <m@work.example>", "Maik Dreßler <m@home.example>"],
    ],
)
def test_one_person_under_several_names_is_one_contact(authors):
    assert len(contacts_of(map(author_of, authors))) == 1


@pytest.mark.parametrize(
    "authors",
    [
        ["Maik Dreßler", "Maik Vogel"],
        ["Maik <a@x.example>", "Maik <b@x.example>"],
        ["Ana Lopez", "Maik"],
        ["4711", "4712"],
        ["ana@x.example", "ana@y.example"],
    ],
)
def test_different_people_stay_different(authors):
    assert len(contacts_of(map(author_of, authors))) == 2


def test_a_first_name_that_two_people_have_is_neither_of_them():
    assert len(contacts_of(map(author_of, ["Maik Dreßler", "Maik Vogel", "Maik"]))) == 3


def test_a_contact_has_the_fullest_name():
    [contact] = contacts_of(map(author_of, ["Maik", "Maik", f"Maik Dreßler <{MAIK}>", MAIK]))
    assert contact.name == "Maik Dreßler"
