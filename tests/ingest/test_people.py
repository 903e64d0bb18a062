import pytest

from churn_agent.ingest.people import name_key
from churn_agent.ingest.readers.transcripts.people import Staff
from churn_agent.ingest.speakers import OwnPeople

WRITINGS = [
    "Tim Keller",
    "Keller, Tim",
    "TIM  KELLER",
    "Dr. Tim Keller",
    "Keller, Dr. Tim",
    "Herr Tim Keller",
    "Tim Keller, PhD",
    "Keller Tim",
]


@pytest.mark.parametrize("people", [OwnPeople, Staff])
@pytest.mark.parametrize("listed", WRITINGS)
def test_all_writings_of_a_name_are_one_person_in_a_list_of_people(people, listed):
    assert all(author in people([listed]) for author in WRITINGS)
    assert not any(
        author in people([listed]) for author in ["Tim", "Keller", "Tim Kellermann", "Ann Keller", "Keller, Ann"]
    )


@pytest.mark.parametrize("people", [OwnPeople, Staff])
def test_a_title_stays_beside_a_single_name(people):
    assert "Frau Keller" not in people(["Herr Keller"])
    assert "herr keller" in people(["Herr Keller"])
    assert "Dr" in people(["Dr"])


def test_letters_composed_in_another_way_are_the_same():
    assert name_key("Ren\u00e9 M") == name_key("Rene\u0301 M")


@pytest.mark.parametrize("people", [OwnPeople, Staff])
@pytest.mark.parametrize("own", ["@acme.example", "acme.example"])
@pytest.mark.parametrize(
    ("author", "ours"),
    [
        ("tim@acme.example", True),
        ("tim@support.acme.example", True),
        ("TIM@Support.Acme.Example", True),
        ("Tim Keller <tim@support.acme.example>", True),
        ("Tim Acme [tim@acme.example]", True),
        ("Keller, Tim (tim@acme.example)", True),
        ("tim@otheracme.example", False),
        ("tim@acme.example.evil.example", False),
        ('"tim@acme.example" <eve@home.example>', False),
        ("acme", False),
    ],
)
def test_a_domain_has_its_subdomains_however_the_address_is_written(people, own, author, ours):
    assert (author in people([own])) is ours


def test_an_address_as_a_name_does_not_count():
    assert '"tim@acme.example" <eve@home.example>' not in OwnPeople(["tim@acme.example"])
    assert "tim+news@acme.example" in OwnPeople(["tim@acme.example"])
