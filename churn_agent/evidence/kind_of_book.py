"""The kind of book: whether customers stay by doing nothing, or by coming back.

Under a contract, silence is normal and leaving is an act; where customers buy again and again, silence is the only sign
of leaving (Fader & Hardie 2009, "Probability models for customer-base analysis": contractual and noncontractual
settings). The card may say the kind; else it is inferred, and nothing is inferred from weak evidence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
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
    r"reviews?|comes? back|bookings?|bestell\w+|kauf\w*|bucht|besuch\w*)\b",
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
    if _COMES_BACK.search(card.churn_means):
        return "repeat_purchase", "churn means that they do not come back"
    if contract_terms.months(snapshot.attributes.get("contract", "")) is not None:
        return "contract", "from the attribute contract"
    for text, words, where in ((card.churn_means, _IN_CHURN, "meaning of churn"), (card.domain, _IN_DOMAIN, "domain")):
        for kind, pattern in words.items():
            if re.search(pattern, text, re.IGNORECASE):
                return kind, f"from the {where} on the card"
    for kind, names in _IN_ATTRIBUTES.items():
        for name in (*names.intersection(snapshot.attributes), card.renewal_attribute):
            if snapshot.attributes.get(name) and (name in names or kind == "contract"):
                return kind, f"from the attribute {name}"
    return _from_rhythm(snapshot)


def _from_rhythm(snapshot: Snapshot) -> tuple[Kind | None, str]:
    channels = {each.channel.casefold() for each in snapshot.interactions}
    for kind, names in _IN_CHANNELS.items():
        seen = sorted(names & channels)
        if seen:
            return kind, f"from the channel {seen[0]}"
    days = sorted(
        {
            snapshot.card.local(each.occurred_at).date()
            for each in snapshot.interactions
            if each.channel.casefold() in _BILLS
        }
    )
    return ("subscription", "from bills at regular times") if _is_regular(days) else (None, "")


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
