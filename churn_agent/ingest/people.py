"""Lists of people: names in their usual writings, addresses and domains."""

import unicodedata
from functools import lru_cache

_TITLES = frozenset(
    """dr prof professor mag dipl ing phd mba msc bsc md mr mrs ms miss mx sir herr frau hr fr monsieur madame mme mlle
    sr sra srta señor señora don doña dott dottssa sig sigra signor signora dhr mevr mw""".split()
)


@lru_cache(maxsize=10_000)
def name_key(name: str) -> str:
    """Returns what the usual writings of a person's name have in common.

    `Tim Keller`, `Keller, Tim`, `TIM KELLER` and `Dr. Tim Keller` have one key. A title beside a single name counts:
    Mr. Keller is not Ms. Keller.
    """
    words = unicodedata.normalize("NFKC", name).casefold().replace(",", " ").split()
    plain = [word for word in words if word.replace(".", "") not in _TITLES]
    return " ".join(sorted(plain if len(plain) > 1 else words))


def is_address_or_domain(text: str) -> bool:
    """Whether an entry in a list of people is an address or a domain (`acme.example`), not a name."""
    return "@" in text or ("." in text and not {" ", "/", ","} & set(text.strip()))
