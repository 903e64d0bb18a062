"""The kind of book: whether customers stay by doing nothing, or by coming back.

Under a contract, silence is normal and leaving is an act; where customers buy again and again, silence is the only sign
of leaving (Fader & Hardie 2009, "Probability models for customer-base analysis": contractual and noncontractual
settings). The card may say the kind; else it is inferred, and nothing is inferred from weak evidence. Where the words
of the card name several kinds ("ends the subscription, or stops ordering"), the customer's own data say which it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import pairwise
from statistics import median

from churn_agent.domain.assessment import Fact
from churn_agent.domain.snapshot import KINDS, Kind, Snapshot
from churn_agent.evidence import contract_terms

_NAMES: Mapping[Kind, str] = {
    "contract": "contract",
    "subscription": "subscription",
    "repeat_purchase": "repeat purchases",
    "membership": "membership",
    "account": "account",
}
_COMES_BACK = re.compile(
    r"\b(?:no|not|never|without|keine?n?|nicht)\b.*\b(?:orders?|buys?|purchas\w+|messages?|visits?|posts?|writes?|"
    r"reviews?|comes? back|bookings?|bestell\w+|kauf\w*|bucht|besuch\w*)\b"
    r"|\b(?:stops?|ceases?|quits?) (?:to )?(?:order|buy|purchas|visit|book|com(?:e|ing)\b|post|shop)"
    r"|\b(?:orders?|buys?|books?) nothing\b|\b(?:bestell|kauf|buch|besuch|komm)t\b[^.;]*\bnichts? mehr\b"
    r"|\bstays? away\b|\bhört auf,? zu (?:bestellen|kaufen|buchen)\b|\bbleibt (?:aus|weg)\b",
    re.IGNORECASE,
)
"""A churn that is the absence of something."""
_IN_CHURN: Mapping[Kind, str] = {
    "membership": r"\bmember(?:ship)?\b|mitgliedschaft",
    "subscription": r"\bsubscri\w+|\babo(?:nnement)?s?\b",
    "account": r"\b(?:bank |current |savings )?accounts?\b.*\bclos\w+|\bclos\w+.*\baccounts?\b|konto",
    "contract": r"\bcontracts?\b|vertr[aä]g|\bpolic(?:y|ies)\b|\bpolice|\blease\b|\bnotice\b|kündig",
}
_IN_DOMAIN: Mapping[Kind, str] = {
    "repeat_purchase": r"shop|retail|e-?commerce|marketplace|versandhandel|online-?handel|restaurant|communit|forum",
    "membership": r"\bgyms?\b|fitness|\bclubs?\b|verein|\bmember",
    "account": r"\bbank|brokerage|wallet|sparkasse",
    "subscription": r"software|\bsaas\b|streaming|subscription|newspaper|magazine|\babo\b|hosting|\bapps?\b",
    "contract": (
        r"telecom|telco|mobile network|internet provider|broadband|insur|versicher|energy|energie|electric|strom|"
        r"\bgas\b|utilit|leasing|\brent|logistics|facility|school|schule|course|kurs"
    ),
}
_IN_ATTRIBUTES: Mapping[Kind, frozenset[str]] = {
    "membership": frozenset("membership membership_type membership_status mitgliedschaft mitgliedsnummer".split()),
    "subscription": frozenset(
        """subscription subscription_plan subscription_type plan_tier plan_name seats licences licenses lizenzen
        mrr arr abo abonnement auto_renew""".split()
    ),
    "contract": frozenset(
        """contract_end contract_end_date contract_start contract_type term_end notice_period policy_type tariff
        vertragsende vertragsbeginn vertragsart laufzeit laufzeitende kündigungsfrist kuendigungsfrist tarif""".split()
    ),
}
_IN_CHANNELS: Mapping[Kind, frozenset[str]] = {
    "repeat_purchase": frozenset({"order", "purchase", "shipment", "delivery"}),
    "subscription": frozenset({"subscription", "renewal"}),
}
_BILLS = frozenset({"bill", "billing", "charge", "invoice"})
_FEWEST_BILLS = 4
_PERIODS = ((6, 8), (27, 33), (58, 64), (86, 95), (178, 187), (358, 372))
"""Days between bills of a week, one month, two, a quarter, half a year and a year."""


def kind_of(snapshot: Snapshot) -> tuple[Kind | None, str]:
    """Returns the kind of book for a customer, and the evidence for it in a few words; None if nothing shows it."""
    card = snapshot.card
    if card.kind:
        return card.kind, "the card says so"
    named: list[Kind] = [
        kind for kind, pattern in _IN_CHURN.items() if re.search(pattern, card.churn_means, re.IGNORECASE)
    ]
    comes_back = _COMES_BACK.search(card.churn_means) is not None
    if comes_back and not named:
        return "repeat_purchase", "churn means that they do not come back"
    if contract_terms.months(snapshot.attributes.get("contract", "")) is not None:
        return "contract", "from the attribute contract"
    kinds: list[Kind] = [*named, "repeat_purchase"] if comes_back else named
    several = len(kinds) > 1
    if several:  # the customer's own data decide
        own, evidence = _from_customer(snapshot, frozenset(kinds))
        if own:
            return own, evidence
    if named and not comes_back:
        return named[0], "from the meaning of churn on the card"
    for kind, pattern in _IN_DOMAIN.items():
        if re.search(pattern, card.domain, re.IGNORECASE):
            return kind, "from the domain on the card"
    return (None, "") if several else _from_customer(snapshot, frozenset(KINDS))


def _from_customer(snapshot: Snapshot, kinds: Set[Kind]) -> tuple[Kind | None, str]:
    """Returns which of some kinds the customer's own attributes, channels or bills show."""
    renewal = snapshot.card.renewal_attribute
    for kind, names in _IN_ATTRIBUTES.items():
        for name in (*names.intersection(snapshot.attributes), renewal):
            if kind in kinds and snapshot.attributes.get(name) and (name in names or kind == "contract"):
                return kind, f"from the attribute {name}"
    return _from_rhythm(snapshot, kinds)


def _from_rhythm(snapshot: Snapshot, kinds: Set[Kind]) -> tuple[Kind | None, str]:
    channels = {row.channel.casefold() for row in snapshot.interactions}
    for kind, names in _IN_CHANNELS.items():
        seen = sorted(names & channels)
        if seen and kind in kinds:
            return kind, f"from the channel {seen[0]}"
    days = sorted(
        {
            snapshot.card.local(row.occurred_at).date()
            for row in snapshot.interactions
            if row.channel.casefold() in _BILLS
        }
    )
    regular = "subscription" in kinds and _is_regular(days)
    return ("subscription", "from bills at regular times") if regular else (None, "")


def _is_regular(days: Sequence[date]) -> bool:
    if len(days) < _FEWEST_BILLS:
        return False
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    usual = median(gaps)
    for low, high in _PERIODS:
        if low <= usual <= high:
            return sum(low <= gap <= high for gap in gaps) >= 0.75 * len(gaps)
    return False


def compute(snapshot: Snapshot) -> Iterator[Fact]:
    """Yields the kind of book, if it is known. The value is the position in `KINDS`."""
    kind, evidence = kind_of(snapshot)
    if kind:
        text = f"Kind of book: {_NAMES[kind]} ({evidence})."
        yield Fact(name="kind_of_book", value=KINDS.index(kind), unit="kind", text=text)
