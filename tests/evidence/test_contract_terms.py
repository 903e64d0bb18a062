import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.evidence.contract_terms import months

READ = {
    "vierteljährlich": 3,
    "4 Vierteljahre": 12,
    "24 months": 24,
    "24\u00a0months": 24,
    "24 months contract": 24,
    "12-month": 12,
    "12mo": 12,
    "2 years": 24,
    "2-year": 24,
    "Two year": 24,
    "One year": 12,
    "annual": 12,
    "Annual plan, billed monthly": 12,
    "month-to-month": 1,
    "Month-to-month": 1,
    "monthly": 1,
    "rolling monthly contract": 1,
    "monthly, 12-month commitment": 12,
    "quarterly": 3,
    "half-yearly": 6,
    "1.5 years": 18,
    "1 Monat": 1,
    "24 Monate": 24,
    "Mindestlaufzeit: 24 Monate": 24,
    "24-Monats-Vertrag": 24,
    "monatlich": 1,
    "monatlich kündbar": 1,
    "MONATLICH": 1,
    "Jahresvertrag": 12,
    "Jahresabo": 12,
    "Zweijahresvertrag": 24,
    "zweijährig": 24,
    "halbjährlich": 6,
    "1,5 Jahre": 18,
    "Sechsunddreißig Monate": 36,
    "24 Monate Mindestlaufzeit": 24,
    "24M": 24,
    "12m": 12,
    "2y": 24,
    "P1Y": 12,
    "P12M": 12,
    "P1Y6M": 18,
    "m2m": 1,
    "MTM": 1,
    "jederzeit kündbar": 1,
    "Monthly, cancel anytime": 1,
    "résiliable à tout moment": 1,
    "per_two_years": 24,
    "semi-annual": 6,
    "half_year": 6,
    "biennial": 24,
    "five years": 60,
    "12 mois": 12,
    "un an": 12,
    "2 ans, paiement mensuel": 24,
    "engagement de 24 mois": 24,
    "12 mois d'engagement": 12,
    "mensuel": 1,
    "annuelle": 12,
    "trimestriel": 3,
    "permanencia de 12 meses": 12,
    "contrato anual": 12,
    "dos años": 24,
    "mensual": 1,
    "vincolo di 24 mesi": 24,
    "abbonamento annuale, pagamento mensile": 12,
    "due anni": 24,
    "contract van 2 jaar": 24,
    "looptijd 12 maanden": 12,
    "maandelijks opzegbaar": 1,
    "fidelização de 24 meses": 24,
    "mensal": 1,
    "two-month agreement with an annual plan": 12,
    "monthly, with an agreement": 1,
}
NOT_READ = """
Premium|yes|none|unbefristet|prepaid|24|2024|no contract|no 12-month commitment|3 months' notice|without a fixed term
12 or 24 months|12-24 months|12+1 months|0 months|12 Monate, monatlich kündbar|biannual|keine Mindestlaufzeit|C-1138
three months free, then monthly|ohne Jahresvertrag||-
sans engagement de 12 mois|sin permanencia|12 Monate, jederzeit kündbar|P|PT12H|P0M|0m|12 min|M12|an|preavviso di 3 mesi|opzegtermijn 1 maand
"""


@pytest.mark.parametrize(("term", "length"), READ.items())
def test_a_known_term_is_read_in_months(term, length):
    assert months(term) == length


@pytest.mark.parametrize("term", NOT_READ.strip("\n").replace("\n", "|").split("|"))
def test_a_term_that_is_not_wholly_understood_has_no_length(term):
    assert months(term) is None


def test_thirty_days_are_no_longer_than_a_month():
    for term in ("30 days", "31 Tage", "4 weeks"):
        found = months(term)
        assert found is not None
        assert found <= 1, term


@given(st.text())
def test_any_text_has_a_positive_length_or_none(term):
    found = months(term)
    assert found is None or found > 0


@given(st.integers(1, 120), st.sampled_from(["months", "Monate", "-month contract", " mths"]))
def test_a_number_counts_its_unit(n, unit):
    assert months(f"{n} {unit}".replace(" -", "-")) == n
