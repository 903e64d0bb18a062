"""Records of customers whose messages are given as they were read, without a model."""

from types import SimpleNamespace

from churn_agent.assessing import pipeline
from churn_agent.assessing.composing import compose
from churn_agent.content.care import load_care
from churn_agent.content.playbook import load_playbook
from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import Citation, LeftOut, Provenance
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.evidence.facts import compute
from churn_agent.evidence.retrieval import Evidence, EvidencePack
from churn_agent.evidence.sessions import Piece
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.standing import ReadMessage, signals_of
from tests.conftest import snapshot

TAXONOMY, CARE, PLAYBOOK, PROMPT = load_taxonomy(), load_care(), load_playbook(), load_prompt("read", "words")
BANDS = Bands()
SETUP = SimpleNamespace(
    settings=SimpleNamespace(least_days_known=7, band_margin=Bands.margin),
    taxonomy=TAXONOMY,
    care=CARE,
    fitted_prompt=PROMPT,
)
HOW = Provenance(
    churn_agent="0",
    model_id="none",
    model_sha256=None,
    mode="read",
    prompt="read/words@1",
    prompt_hash="0",
    embedder=None,
    evidence_ids=(),
    prompt_tokens=0,
    output_tokens=0,
    cached_answers=0,
    seconds=0.0,
    seed=0,
)


def said(row, leaning=None, *, card=None, **signals):
    """A message with signals, each quoting the whole text; values are strengths."""
    card = card or snapshot(row).card
    at = card.local(row.occurred_at)
    quoted = {
        id_: (
            strength,
            Citation(
                interaction_id=row.id,
                label="E1",
                quote=row.text,
                occurred_at=at,
                verified=True,
                start=0,
                end=len(row.text),
            ),
        )
        for id_, strength in signals.items()
    }
    return ReadMessage((row.id,), at, row.text, quoted, leaning)


def record_of(messages, *, snapshot, earlier=None, bands=BANDS, band_before=None, number=None):
    """The record of a customer.

    Args:
        messages: as they were read.
        snapshot: with these messages and more.
        earlier: the announcement in the previous record.
        bands: of the record.
        band_before: the band of the previous record.
        number: of a trained method.
    """
    by_id = {row.id: row for row in snapshot.interactions}
    shown = tuple(
        Evidence(f"E{n}", Piece.of(by_id[one.interaction_ids[0]]), one.text) for n, one in enumerate(messages, start=1)
    )
    case = Case(snapshot, compute(snapshot), EvidencePack(shown, LeftOut()))
    elicitation = Elicitation(
        signals=signals_of(messages, TAXONOMY),
        messages=list(messages),
        leanings=[one.leaning for one in messages if one.leaning is not None],
        evidence=shown,
    )
    standing = pipeline.standing_of(case, elicitation, SETUP, earlier=earlier)
    judgement = pipeline.judge(case, elicitation, SETUP, standing)
    return compose(
        case,
        elicitation,
        judgement,
        PLAYBOOK,
        HOW,
        standing=standing,
        taxonomy=TAXONOMY,
        thresholds=PROMPT.thresholds,
        number=number,
        bands=bands,
        band_before=band_before,
    )
