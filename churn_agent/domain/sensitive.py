"""Recognises attributes that are sensitive, or usual stand-ins for sensitive ones, by their names.

Sensitive are the special categories of personal data (GDPR, article 9), and gender, age and family status. Stand-ins
are first names, forms of address and postcodes. They are not used unless the card lists them.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise

from churn_agent.domain.snapshot import Card

_WORDS = frozenset(
    """
    gender sex geschlecht sexe sexo genero sesso genere geslacht
    birth birthday birthdate birthplace dob yob geburt geburtstag geburtsdatum geburtsjahr geburtsort naissance
    nacimiento nascita nascimento geboortedatum geboortejaar
    age alter edad idade leeftijd seniorcitizen
    nationality nacionality citizenship nationalitat staatsangehorigkeit staatsburgerschaft nationalite nacionalidad
    nazionalita nacionalidade nationaliteit immigrant immigration migrant refugee displaced
    religion religious faith church konfession kirche glaube religione religiao godsdienst
    ethnicity ethnic race racial caste hautfarbe ethnie etnia etnicidad etniciteit
    disability disabilities disabled handicap behinderung invalidite discapacidad disabilita deficiencia
    diagnosis illness disease medical krankheit maladie enfermedad malattia doenca ziekte
    pregnant pregnancy schwanger schwangerschaft enceinte grossesse embarazada embarazo incinta gravidanza gravida
    gravidez zwanger
    marital married marriage spouse widowed divorced maiden dependents dependent children familienstand zivilstand
    verheiratet ehepartner kinder enfants hijos figli filhos kinderen
    sexual lgbt lgbtq political politics partei gewerkschaft syndicat sindicato sindacato vakbond biometric genetic
    firstname forename vorname prenom voornaam salutation anrede honorific
    zip zipcode postcode plz postleitzahl postal
    """.split()
)
_PAIRS = frozenset(
    {
        ("first", "name"), ("given", "name"), ("special", "needs"), ("senior", "citizen"),
        ("civil", "status"), ("estado", "civil"),
        ("stato", "civile"), ("situation", "familiale"), ("burgerlijke", "staat"), ("trade", "union"),
        ("union", "member"), ("union", "membership"), ("health", "condition"), ("health", "conditions"),
        ("health", "issue"), ("health", "issues"), ("health", "problem"), ("health", "problems"), ("code", "postal"),
    }
)  # fmt: skip
_WHOLE = frozenset({"title", "titel"})
"""Forms of address if nothing else is in the name: `job_title` is not one."""
_AGES_OF_OTHERS = frozenset(
    """account company contract customership days months weeks hours subscription device invoice ticket order plan
    relationship tenure domain""".split()
)
"""With these, an age is that of a thing: `account_age`, `age_days`."""
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def looks_sensitive(name: str) -> bool:
    """Whether an attribute of this name looks sensitive (en, de, fr, es, it, pt, nl).

    Example:
        >>> looks_sensitive("birth_date"), looks_sensitive("account_age"), looks_sensitive("health_score")
        (True, False, False)
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parts = [part.lower() for part in _PART.findall(plain)]
    known = {part for part in parts if part in _WORDS}
    if known == {"age"} and not _AGES_OF_OTHERS.isdisjoint(parts):
        return False
    return bool(known) or not _PAIRS.isdisjoint(pairwise(parts)) or (len(parts) == 1 and parts[0] in _WHOLE)


def unused(names: Iterable[str], card: Card) -> list[str]:
    """Returns the names of attributes that look sensitive and that the card does not list or name, in their order."""
    named = {
        *card.sensitive_attributes,
        card.company_attribute,
        card.name_attribute,
        card.value_attribute,
        card.value_period_attribute,
        card.owner_attribute,
        card.renewal_attribute,
    }
    return [name for name in names if name not in named and looks_sensitive(name)]


def usable(attributes: Mapping[str, str], card: Card) -> dict[str, str]:
    """Returns the attributes without those that look sensitive and that the card does not list."""
    left_out = set(unused(attributes, card))
    return {name: value for name, value in attributes.items() if name not in left_out}
