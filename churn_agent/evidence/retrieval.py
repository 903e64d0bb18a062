"""Selects the interactions that a model is shown, by exact ranking within one customer's history.

The relevance of an interaction is its closeness to the taxonomy's phrases minus its closeness to neutral phrases, plus
a small bonus for recency (`eval/retrieval.py` compares this with other methods). The latest interactions are always
included, as are those whose words may be about leaving, and a share is reserved for counter-evidence. The rest are
chosen by maximal marginal relevance (Carbonell & Goldstein 1998), so that ten messages about one invoice do not fill
the pack.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from churn_agent.domain.assessment import LeftOut, Polarity
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.excerpts import excerpt
from churn_agent.evidence.sessions import Piece

LATEST_SHARE = 0.1
COUNTER_SHARE = 0.25
KEPT_SHARE = 0.5
"""Most texts that are kept because their words may be about leaving, as a share of the limit."""
DIVERSITY = 0.8
"""Weight of difference from the interactions already chosen, relative to relevance."""
LIKENESS_POWER = 4
"""Exponent of the similarity to chosen interactions; with it, only near repetitions are passed over."""
RECENCY_WEIGHT = 0.05

NEUTRAL_WEIGHT = 0.5
"""Weight of the nearest neutral phrase, relative to the nearest phrase of a signal."""

Order = Literal["oldest_first", "newest_first", "shuffled"]
QueryVectors = Mapping[Polarity | Literal["neutral"], NDArray[np.float32]]
"""Polarity -> vectors of the taxonomy's phrases, shape (phrases, dimension), unit rows."""


@dataclass(frozen=True)
class Evidence:
    """An interaction, or a chat session, as it is shown to a model."""

    label: str
    """E1 to En."""
    piece: Piece
    text: str
    """The text of the piece, or an excerpt if it was too long for its share of the budget; see `excerpts`."""

    @property
    def interaction(self) -> Interaction:
        """The interaction; of a session, the latest."""
        return self.piece.interaction


@dataclass(frozen=True)
class EvidencePack:
    """The evidence shown, and the amount left out."""

    evidence: tuple[Evidence, ...]
    left_out: LeftOut


def ids_of(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """Ids of all interactions whose words are in the evidence, each once."""
    return tuple(dict.fromkeys(id_ for item in evidence for id_ in item.piece.ids))


def retrieve(
    snapshot: Snapshot,
    candidates: Sequence[Piece],
    queries: QueryVectors,
    *,
    limit: int,
    token_budget: int,
    count_tokens: Callable[[str], int],
    telling: Collection[str] = (),
    keep: Callable[[str], bool] = lambda text: False,
    order: Order = "oldest_first",
    seed: int = 0,
) -> EvidencePack:
    """Chooses at most `limit` of `candidates`, whose texts have at most `token_budget` tokens in total.

    Args:
        snapshot: the customer at the date, with the vectors of the texts.
        candidates: the customer's interactions, or sessions.
        queries: vectors of the taxonomy's phrases, by polarity.
        limit: most of them shown.
        token_budget: most tokens shown, over all texts.
        count_tokens: returns the number of tokens of a text, as the model counts them.
        telling: words that make a sentence of a long text worth showing; see `excerpts.words_of`.
        keep: whether a text must be shown: of up to half of `limit` such texts, none gives way to newer ones.
        order: the order in which they are shown.
        seed: seed of the shuffled order.
    """
    by_time = sorted(candidates, key=lambda candidate: candidate.interaction.occurred_at)
    # Of equal texts, the latest.
    distinct = list({candidate.text_id: candidate for candidate in by_time if candidate.text.strip()}.values())
    chosen = distinct if len(distinct) <= limit else _choose(snapshot, distinct, queries, limit, keep)
    shown: list[tuple[Piece, str]] = []
    tokens_left = token_budget
    tokens_cut = 0
    for n, piece in enumerate(chosen):
        share = max(tokens_left // (len(chosen) - n), min(tokens_left, 40))
        text, tokens, cut = excerpt(
            piece.text,
            min(share * 2, tokens_left),
            count_tokens,
            telling=telling,
            closeness=_closeness_of_parts(snapshot.vectors.get(piece.text_id), queries),
        )
        if not text:
            continue
        shown.append((piece, text))
        tokens_left -= tokens
        tokens_cut += cut
    shown.sort(key=lambda pair: _when(pair[0]), reverse=order == "newest_first")
    if order == "shuffled":
        random.Random(seed).shuffle(shown)  # noqa: S311 - not for secrets
    evidence = tuple(Evidence(f"E{i}", piece, text) for i, (piece, text) in enumerate(shown, start=1))
    shown_ids = {id_ for item in evidence for id_ in item.piece.own_ids}
    left_out = [
        line.interaction for candidate in candidates for line in candidate.lines if line.interaction.id not in shown_ids
    ]
    tokens_left_out = sum(len(row.text) for row in left_out) // 4  # about four characters per token; counting is slow
    unread = LeftOut(
        interactions=len(left_out), tokens=tokens_left_out + tokens_cut, unattributed=len(snapshot.unattributed)
    )
    return EvidencePack(evidence, unread)


def latest(candidates: Sequence[Piece], most: int) -> EvidencePack:
    """The latest `most` candidates with different texts, whole, oldest first; for readers that are fast."""
    shown: dict[str, Piece] = {}
    for piece in sorted(candidates, key=_when, reverse=True):
        if piece.text.strip() and len(shown) < most:
            shown.setdefault(piece.text_id, piece)
    evidence = tuple(Evidence(f"E{i}", piece, piece.text) for i, piece in enumerate(reversed(shown.values()), start=1))
    read, written = (sum(len(piece.lines) for piece in pieces) for pieces in (shown.values(), candidates))
    return EvidencePack(evidence, LeftOut(interactions=written - read, tokens=0, unattributed=0))


def _when(piece: Piece) -> tuple[datetime, str]:
    return piece.interaction.occurred_at, piece.interaction.id


def _choose(
    snapshot: Snapshot,
    candidates: list[Piece],
    queries: QueryVectors,
    limit: int,
    keep: Callable[[str], bool],
) -> list[Piece]:
    """The most important `limit` candidates, most important first."""
    by_time = sorted(candidates, key=lambda piece: piece.interaction.occurred_at, reverse=True)
    latest = by_time[: max(1, round(limit * LATEST_SHARE))]
    kept = [n for n, piece in enumerate(candidates) if keep(piece.text)][-max(1, round(limit * KEPT_SHARE)) :]
    chosen = list(dict.fromkeys([*(candidates.index(piece) for piece in latest), *kept]))[:limit]
    parts = [_vectors_of(piece, snapshot) for piece in candidates]
    scaled = _scale(queries)
    closeness = {
        kind: np.vstack(
            [np.zeros(len(phrases)) if rows is None else scaled(rows @ phrases.T).max(axis=0) for rows in parts]
        )
        for kind, phrases in queries.items()
    }
    neutral = NEUTRAL_WEIGHT * closeness["neutral"].max(axis=1) + closeness["neutral"].mean(axis=1)
    relevance = {kind: cosines.max(axis=1) + cosines.mean(axis=1) - neutral for kind, cosines in closeness.items()}
    newest = latest[0].interaction.occurred_at
    age_days = np.array([(newest - piece.interaction.occurred_at).days for piece in candidates], dtype=float)
    recency = RECENCY_WEIGHT * np.exp2(-age_days / snapshot.card.horizon_days)
    centres = np.vstack([_centre(rows, parts) for rows in parts])

    counter = max(1, round(limit * COUNTER_SHARE))
    risk, protective = relevance["risk"] + recency, relevance["protective"] + recency
    for scores, upto in ((risk, limit - counter), (protective, limit)):
        while len(chosen) < upto:
            likeness = np.maximum(scaled(centres @ centres[chosen].T).max(axis=1), 0)
            gain = scores - DIVERSITY * likeness**LIKENESS_POWER
            gain[chosen] = -np.inf
            chosen.append(int(gain.argmax()))
    return [candidates[i] for i in chosen]


def _vectors_of(piece: Piece, snapshot: Snapshot) -> NDArray[np.float32] | None:
    """The vectors of the parts of all its messages; None if there are none."""
    rows = [snapshot.vectors.get(line.interaction.text_id) for line in piece.lines]
    known = [vectors for vectors in rows if vectors is not None]
    return np.vstack(known) if known else None


def _scale(queries: QueryVectors) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    """Returns a function from cosines to a scale on which texts that have nothing in common are at 0.

    Some embedders (multilingual-e5) put all texts into a narrow cone, with cosines above .7.
    """
    unrelated = float((queries["neutral"] @ queries["risk"].T).mean())
    return lambda cosines: (cosines - unrelated) / (1 - unrelated)


def _centre(rows: NDArray[np.float32] | None, parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    if rows is None:
        dimension = next((vectors.shape[1] for vectors in parts if vectors is not None), 1)
        return np.zeros(dimension, np.float32)
    mean = rows.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def _closeness_of_parts(rows: NDArray[np.float32] | None, queries: QueryVectors) -> NDArray[np.floating] | None:
    """Returns how much nearer each part of a text is to the signals than its parts are on average."""
    if rows is None or len(rows) < 2 or not queries:
        return None
    near = np.max([(rows @ phrases.T).max(axis=1) for kind, phrases in queries.items() if kind != "neutral"], axis=0)
    contrast = near - NEUTRAL_WEIGHT * (rows @ queries["neutral"].T).max(axis=1)
    return contrast - contrast.mean()
