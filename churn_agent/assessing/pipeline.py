"""The steps of an assessment for a batch of customers: snapshots, cases, elicitations, judgements, numbers, records.

These are plain functions. Each takes the results of the previous ones, so that nothing is computed, fetched or composed
twice.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from churn_agent.assessing.composing import Judgement, Standing, compose, status_of, verdict_of
from churn_agent.content.fitted_thresholds import for_model
from churn_agent.content.playbook import Playbook
from churn_agent.content.prompts import PromptTemplate
from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.assessment import Announced, Assessment, Band, Fact, Provenance
from churn_agent.domain.snapshot import Snapshot
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case, Elicitation
from churn_agent.elicitation.correcting import NONE, Corrections
from churn_agent.elicitation.explain import explain
from churn_agent.elicitation.read import read
from churn_agent.evidence import care, promises, retrieval
from churn_agent.evidence.care import CareRules
from churn_agent.evidence.facts import compute
from churn_agent.evidence.sessions import Piece, pieces
from churn_agent.models.base import ChatModel
from churn_agent.scoring import standing as standings
from churn_agent.scoring.actions import eligible
from churn_agent.scoring.bands import Bands, Capacity
from churn_agent.scoring.prior import overall_leaning
from churn_agent.scoring.verdict import Number
from churn_agent.settings import Settings
from churn_agent.store.store import Store

if TYPE_CHECKING:
    from churn_agent.elicitation.second_reader.reading import SecondReader
    from churn_agent.learning.examples import Examples
    from churn_agent.learning.methods import Need
    from churn_agent.learning.stored import StoredMethod

BATCH = 8
"""Customers, or messages, in one batch of requests to the model."""


_MOST_SCREENED = 500
"""Most messages of a customer that the second reader screens: some seconds."""


@dataclass(frozen=True)
class Setup:
    """Everything that a batch is assessed with, except the customers."""

    settings: Settings
    store: Store
    """Used only for vectors; all data about a customer is in the snapshot."""
    model: ChatModel
    prompt: PromptTemplate
    taxonomy: Taxonomy
    playbook: Playbook
    care: CareRules
    companies: frozenset[str]
    """Names of companies that messages may mention."""
    method: "StoredMethod | None"
    """The trained method that gives the number; None if the mode does."""
    corrections: Corrections = NONE

    @cached_property
    def fitted_prompt(self) -> PromptTemplate:
        """The prompt with the thresholds for the model. Raises `Unavailable` if the model cannot be used."""
        return for_model(self.prompt, self.model.info, self.settings.models_dir)

    @cached_property
    def second_reader(self) -> "SecondReader | None":
        """The second reader, if the prompt uses it. Raises `Unavailable` if it cannot be used."""
        if not self.prompt.second_reader:
            return None
        from churn_agent.elicitation.second_reader.reading import opened  # imports torch, which takes a second

        return opened(self.settings.models_dir)

    @cached_property
    def bands(self) -> Bands:
        """The boundaries by the settings and the card."""
        settings, card = self.settings, self.store.card
        level = self.method.info.level if self.method else None
        capacity = None
        if card.bands == "capacity" and card.capacity and self.method and level:
            numbers = self.method.of_book(card.base_rate)
            capacity = Capacity.over(numbers, count=card.capacity, customers=level.customers)
        return Bands(settings.band_medium_from, settings.band_high_from, settings.band_margin, capacity)


def assess(
    snapshots: Sequence[Snapshot], setup: Setup, *, before: Sequence[Assessment | None] | None = None
) -> list[Assessment]:
    """The records of customers, in the same order.

    Args:
        snapshots: the customers' snapshots.
        setup: the setup of the batch.
        before: each customer's previous assessment, whose band is kept near a boundary, and whose announcement to leave
            stands until it is taken back.
    """
    started = time.monotonic()
    cases = [case_of(snapshot, setup) for snapshot in snapshots]
    elicitations = elicit(cases, setup)
    seconds = (time.monotonic() - started) / max(1, len(cases))
    earlier = before or [None] * len(cases)
    earlier_announcements = [record.announced if record else None for record in earlier]
    standing = [
        standing_of(case, elicitation, setup, earlier=setup.corrections.unless_denied(announced, setup.taxonomy))
        for case, elicitation, announced in zip(cases, elicitations, earlier_announcements, strict=True)
    ]
    judgements = [
        judge(case, elicitation, setup, of_case)
        for case, elicitation, of_case in zip(cases, elicitations, standing, strict=True)
    ]
    numbers = predict(cases, elicitations, judgements, setup)
    calibrated = setup.method is not None and setup.method.calibrated
    bands_before: list[Band | None] = [_band_of(record, calibrated=calibrated) for record in earlier]
    shared = provenance(setup, seconds=seconds)
    parts = zip(cases, elicitations, judgements, standing, numbers, bands_before, strict=True)
    # A trained method has learned from outcomes what the readings of this model are worth.
    bands = setup.bands if setup.fitted_prompt.fitted or setup.method else None
    return [
        compose(
            case,
            elicitation,
            judgement,
            setup.playbook,
            shared,
            standing=of_case,
            taxonomy=setup.taxonomy,
            thresholds=setup.fitted_prompt.thresholds,
            number=number,
            bands=bands,
            band_before=band_before,
        )
        for case, elicitation, judgement, of_case, number, band_before in parts
    ]


def case_of(snapshot: Snapshot, setup: Setup) -> Case:
    """Facts and evidence of a customer. Vectors are fetched only if evidence has to be ranked."""
    settings = setup.settings
    facts = compute(snapshot)
    candidates = pieces(snapshot) if setup.prompt.mode == "read" else [Piece.of(row) for row in snapshot.interactions]
    queries: retrieval.QueryVectors = {}
    if len({piece.text_id for piece in candidates}) > settings.evidence_limit:
        snapshot = setup.store.with_vectors(snapshot)
        queries = setup.store.query_vectors
    affirmed = setup.corrections.affirmed(snapshot.customer_id)
    pack = retrieval.retrieve(
        snapshot,
        candidates,
        queries,
        limit=settings.evidence_limit,
        token_budget=settings.evidence_tokens,
        count_tokens=setup.model.count_tokens,
        telling=setup.taxonomy.telling_words,
        keep=lambda text: any(map(text.__contains__, affirmed)) or setup.taxonomy.quotes.hints_at_leaving(text),
        order=settings.evidence_order,
        seed=settings.seed,
    )
    actions = tuple(eligible(setup.playbook, snapshot, facts, None))
    return Case(snapshot, facts, pack, actions, setup.companies)


def case_with_latest(snapshot: Snapshot, setup: Setup) -> Case:
    """Facts of a customer, and the latest messages as evidence: all but for enormous histories. Needs no vectors."""
    pack = retrieval.latest(pieces(snapshot), _MOST_SCREENED)
    return Case(snapshot, compute(snapshot), pack, (), setup.companies)


def elicit(cases: Sequence[Case], setup: Setup) -> list[Elicitation]:
    """The model's answers about each case, with people's corrections."""
    seed = setup.settings.seed
    match setup.prompt.mode:
        case "ask":
            return ask(cases, setup.model, setup.prompt)
        case "read":
            second = setup.second_reader
            readings = read(cases, setup.model, setup.fitted_prompt, setup.taxonomy, second=second, seed=seed)
            return [
                setup.corrections.applied(case, reading, setup.taxonomy)
                for case, reading in zip(cases, readings, strict=True)
            ]
        case "explain":
            return explain(cases, setup.model, setup.prompt, seed=seed)


def standing_of(case: Case, elicitation: Elicitation, setup: Setup, *, earlier: Announced | None = None) -> Standing:
    """What holds for a customer whatever the number is: care, an announcement to leave, a promise, having left.

    Args:
        case: the customer.
        elicitation: the model's answers.
        setup: with the rules.
        earlier: the announcement in the customer's previous assessment.
    """
    return Standing(
        care=care.flags_of(case.snapshot, setup.care),
        announced=standings.announcement(elicitation.messages, case.snapshot, setup.taxonomy, earlier=earlier),
        promised=promises.promised(case.snapshot),
        former=standings.former(case.snapshot),
    )


def judge(case: Case, elicitation: Elicitation, setup: Setup, standing: Standing) -> Judgement:
    """Whether a customer can be given a number, and the mode's verdict if so; see `composing.verdict_of`."""
    status, reason = status_of(case, elicitation, standing.former, setup.settings.least_days_known)
    verdict = (
        verdict_of(
            case,
            elicitation,
            setup.taxonomy,
            setup.fitted_prompt.thresholds,
            announced=standing.announced,
            margin=setup.settings.band_margin,
        )
        if status == "assessed"
        else None
    )
    return Judgement(status, reason, verdict)


def predict(
    cases: Sequence[Case],
    elicitations: Sequence[Elicitation],
    judgements: Sequence[Judgement],
    setup: Setup,
) -> list[Number] | list[None]:
    """The trained method's number for each case; None for all if the mode itself gives the number."""
    if setup.method is None or not cases:
        return [None] * len(cases)
    from churn_agent.learning.examples import readings

    card = cases[0].snapshot.card
    verdicts = [judgement.verdict for judgement in judgements]
    readings_of_cases = [
        readings(
            elicitation.signals,
            as_of=case.snapshot.as_of,
            leaning=overall_leaning(elicitation.leanings),
            raw=verdict.probability.raw if verdict else None,
            horizon_days=card.horizon_days,
            signal_ids=setup.taxonomy.by_id,
            neutral_leaning=setup.fitted_prompt.thresholds.neutral_leaning,
        )
        for case, elicitation, verdict in zip(cases, elicitations, verdicts, strict=True)
    ]
    examples = examples_of(
        setup.store,
        [case.snapshot for case in cases],
        [False] * len(cases),  # outcomes are not used here
        needs=setup.method.method.needs,
        facts=[case.facts for case in cases],
        readings=readings_of_cases,
        neutral_leaning=setup.fitted_prompt.thresholds.neutral_leaning,
        companies=setup.companies,
    )
    return setup.method.numbers(examples, verdicts, base_rate=card.base_rate)


def examples_of(
    store: Store,
    snapshots: Iterable[Snapshot],
    churned: Sequence[bool],
    *,
    needs: "Collection[Need]",
    companies: frozenset[str],
    facts: Iterable[Sequence[Fact]] | None = None,
    readings: Sequence[Mapping[str, float]] | None = None,
    neutral_leaning: float = 0.0,
    progress: Callable[[], None] = lambda: None,
) -> "Examples":
    """The inputs of trained methods; see `learning.examples.prepare`.

    Args:
        store: source of vectors and of the embedder's weights.
        snapshots: the samples' snapshots, in the same order.
        churned: the outcome of each sample.
        needs: what the methods need; everything else is left out.
        companies: names of companies that messages may mention.
        facts: the samples' facts, if already computed.
        readings: a language model's readings of each sample.
        neutral_leaning: the leaning of a message about something else.
        progress: called after each sample.
    """
    from churn_agent.learning.examples import prepare

    return prepare(
        churned,
        snapshots,
        facts=facts,
        with_vectors=store.with_vectors if "vectors" in needs else None,
        dimension=store.dimension if "vectors" in needs else 0,
        encoder=store.embedder.folder if "encoder" in needs else None,
        readings=readings,
        neutral_leaning=neutral_leaning,
        companies=companies,
        progress=progress,
    )


def provenance(setup: Setup, *, seconds: float = 0.0) -> Provenance:
    """The provenance shared by the records of a batch; evidence and tokens of each are added later.

    Args:
        setup: the setup of the batch.
        seconds: the time per customer.
    """
    info, prompt = setup.model.info, setup.fitted_prompt
    return Provenance(
        churn_agent=version("churn-agent"),
        model_id=info.id,
        model_sha256=info.sha256,
        model_fingerprint=info.fingerprint,
        mode=prompt.mode,
        prompt=prompt.label,
        prompt_hash=prompt.content_hash,
        thresholds_hash=prompt.thresholds_hash,
        embedder=setup.store.indexed_by,
        evidence_ids=(),
        prompt_tokens=0,
        output_tokens=0,
        cached_answers=0,
        seconds=round(seconds, 3),
        seed=setup.settings.seed,
        method=setup.method.info.name if setup.method else None,
    )


def _band_of(earlier: Assessment | None, *, calibrated: bool) -> Band | None:
    """The band of an earlier assessment, if its number is of the same kind."""
    probability = earlier.churn_probability if earlier else None
    return earlier.band if earlier and probability and probability.calibrated == calibrated else None
