"""Attributes that look sensitive, by their names."""

import pytest

from churn_agent.domain.sensitive import looks_sensitive, unused, usable
from churn_agent.domain.snapshot import Card
from churn_agent.evals.sets.labelled import list_descriptions


@pytest.mark.parametrize(
    "name",
    """gender Gender customer_gender Sex BirthDate date_of_birth dob customer_age age ageBand nationality Nationalität
    religion ethnicity race disability marital_status MaritalStatus pregnant trade_union sexual_orientation first_name
    firstName Vorname salutation Anrede title zip_code PLZ Geschlecht Geburtsdatum Staatsangehörigkeit Familienstand
    sexe prénom nacionalidad estado_civil geslacht senior_citizen health_condition""".split(),
)
def test_sensitive_names_and_stand_ins(name):
    assert looks_sensitive(name)


@pytest.mark.parametrize(
    "name",
    """account_age age_days contract_age health_score health job_title plan arr owner renewal_date usage percentage stage
    language segment average_order_value message country seats sexton agency title_id union_square genre partner
    customer_name name ageing_report pages birthrate_index""".split(),
)
def test_other_names(name):
    assert not looks_sensitive(name)


def test_the_card_lists_what_is_used():
    attributes = {"gender": "f", "age": "30", "plan": "gold"}
    assert unused(attributes, Card()) == ["gender", "age"]
    assert usable(attributes, Card(sensitive_attributes=("age",))) == {"age": "30", "plan": "gold"}
    assert usable(attributes, Card(value_attribute="age")) == {"age": "30", "plan": "gold"}


def test_the_public_sets_use_the_attributes_that_they_were_measured_with():
    used = {name: set(description.book.sensitive_attributes) for name, description in list_descriptions().items()}
    assert {name for name, names in used.items() if names} == {
        "bank_card_attrition", "oulad_withdrawal", "student_dropout", "telco_ibm"
    }  # fmt: skip
    assert all(looks_sensitive(name) for names in used.values() for name in names)
