"""Words for outcomes in files of labels: churned or not, kinds, voluntary or not."""

from collections.abc import Mapping

from churn_agent.domain.interactions import OUTCOME_KINDS, OutcomeKind

KINDS = OUTCOME_KINDS
_CHURNED = frozenset(
    """1 true t yes y ja oui si sí sim churn churned lost left gone cancelled canceled terminated attrited attrition
    quit ended inactive gekündigt verloren abgewandert résilié parti perdu""".split()
)
_STAYED = frozenset(
    """0 false f no n nein non não nee stay stayed retained retention kept active existing current remained renewed
    aktiv geblieben actif resté""".split()
) | {"not churned", "no churn", "non-churn", "not_churned", "no_churn"}
_KINDS: Mapping[OutcomeKind, frozenset[str]] = {
    "lost": frozenset("lost loss churn churned cancelled canceled cancellation terminated gekündigt verloren".split()),
    "contracted": frozenset(
        "contracted contraction downgrade downgraded downsell downsold reduced reduction shrunk verkleinert".split()
    ),
    "renewed": frozenset("renewed renewal retained kept flat verlängert erneuert".split()),
    "expanded": frozenset("expanded expansion upgrade upgraded upsell upsold cross-sell erweitert".split()),
}
_YES = frozenset("1 true t yes y ja oui si sí sim voluntary freiwillig".split())
_NO = frozenset("0 false f no n nein non não nee involuntary unfreiwillig".split())


def outcome_of(word: str) -> bool | None:
    """Returns whether a word says that the customer churned; None if it is unknown."""
    plain = word.strip().casefold().removesuffix(" customer").removesuffix(".0")
    return True if plain in _CHURNED else False if plain in _STAYED else None


def kind_of(word: str) -> OutcomeKind | None:
    """Returns the kind of outcome that a word names; None if it is unknown."""
    plain = word.strip().casefold()
    return next((kind for kind, words in _KINDS.items() if plain in words), None)


def voluntary_of(word: str) -> bool | None:
    """Returns whether a word says that the customer left voluntarily; None if it is unknown."""
    plain = word.strip().casefold().removesuffix(".0").removesuffix(" churn")
    return True if plain in _YES else False if plain in _NO else None
