"""The agent: a customer and a date to an assessment."""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from more_itertools import chunked

from churn_agent.assessing.composing import compose
from churn_agent.assessing.screening import Screening, screen
from churn_agent.content import playbook as playbooks
from churn_agent.content.prompts import Mode, PromptTemplate, load_prompt
from churn_agent.domain.assessment import Assessment, Band, Fact, LeftOut, Provenance
from churn_agent.domain.interactions import Interaction, text_id
from churn_agent.domain.snapshot import Snapshot
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.explain import explain
from churn_agent.elicitation.read import read
from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.evidence import facts as computed
from churn_agent.evidence import retrieval
from churn_agent.history import book, records
from churn_agent.models.base import ChatModel
from churn_agent.models.cache import CachedModel
from churn_agent.models.common_answers import with_common_answers
from churn_agent.models.opening import is_local, open_model
from churn_agent.scoring import prior
from churn_agent.scoring.bands import Bands
from churn_agent.scoring.verdict import Number
from churn_agent.settings import Settings
from churn_agent.store.store import Notify, Store

if TYPE_CHECKING:
    from churn_agent.learning.examples import Examples
    from churn_agent.learning.kept import Kept
    from churn_agent.learning.methods import Need

NO_METHOD = "none"
_CALIBRATED = "methods/calibrated-*.json"
_BATCH = 8
"""Customers whose requests go to the model together."""
_SCREENED = 40
"""The same where each needs little."""


class ChurnAgent(Store):
    """A store, a model and a prompt, ready to assess. Not safe for use by several threads at once."""

    def __init__(
        self, settings: Settings, *, model: ChatModel | None = None, notify: Notify = lambda what: None
    ) -> None:
        """Nothing is loaded before it is needed.

        Args:
            model: instead of the one that the settings name.
        """
        super().__init__(settings, notify=notify)
        self._given_model = model

    @classmethod
    def open(
        cls, store: Path | str | None = None, *, notify: Notify = lambda what: None, **settings: Any
    ) -> "ChurnAgent":
        """An agent on the store in a folder (made if it is not there); the rest comes from the settings.

        Raises:
            InputError: a setting does not fit.
        """
        return cls(Settings.load(store=Path(store) if store else None, **settings), notify=notify)

    @cached_property
    def model(self) -> ChatModel:
        """The language model, answers paid once. Raises `Unavailable` if it cannot be used."""
        self._notify(f"loading {self.settings.model}")
        model = self._given_model or open_model(self.settings, notify=self._notify)
        if self._given_model or is_local(self.settings):  # an API keeps none, and is not asked before it is needed
            model = with_common_answers(model, self.settings.models_dir)
        return CachedModel(model, self.history, most_answers=self.settings.answers_limit)

    @cached_property
    def prompt(self) -> PromptTemplate:
        """The prompt variant. Raises `InputError` for one that does not exist."""
        return load_prompt(self.settings.mode, self.settings.prompt, folder=self.settings.prompts_dir)

    @cached_property
    def screening_prompt(self) -> PromptTemplate:
        """The prompt of these settings if it has a `choice`, else the default one of mode `read`.

        Raises:
            InputError: neither has a `choice`.
        """
        if self.prompt.choice:
            return self.prompt
        standard = load_prompt("read", folder=self.settings.prompts_dir)
        if not standard.choice:
            raise InputError(f"{standard.label} has no 'choice', which screening needs: name a prompt with one")
        return standard

    @property
    def reader(self) -> str:
        """What makes a score of words: model, prompt and prior weights, by hash. Raises `Unavailable`, `InputError`."""
        return f"{self.model.info.fingerprint} {self.prompt.content_hash} {prior.fingerprint()}"

    @cached_property
    def _kept(self) -> "Kept | None":
        """The trained method that gives the number; None if the mode does."""
        wanted = self.settings.method
        if wanted == NO_METHOD or (wanted is None and not any(self.settings.store.glob(_CALIBRATED))):
            return None
        from churn_agent.learning import kept  # scikit-learn takes a second to load, and many need it not

        try:
            found = kept.load(self.settings.store, wanted or "calibrated")
            found.refuse_other(reader=self.reader, embedder=self.embedder_id)
        except (InputError, StoreUnavailable) as error:
            if wanted:
                raise
            self._notify(f"not calibrated: {error}")
            return None
        return found

    def drifted(self, facts: Iterable[Sequence[Fact]]) -> list[str]:
        """How customers with such facts differ, taken together, from those that the trained method learned from."""
        if self._kept is None:
            return []
        from churn_agent.learning.drift import drifted

        return drifted(self._kept.card.facts, facts)

    @property
    def method(self) -> str | None:
        """The trained method that gives the number, with its version. Raises `InputError`."""
        return self._kept.card.name if self._kept else None

    @property
    def bands(self) -> Bands:
        """The boundaries that the settings name."""
        settings = self.settings
        return Bands(settings.band_medium_from, settings.band_high_from, settings.band_margin)

    @cached_property
    def playbook(self) -> playbooks.Playbook:
        """Shipped, or from the folder of prompts that the settings name. Raises `FileFormatError`."""
        return playbooks.load_playbook(self.settings.prompts_dir)

    def evidence(self, customer_id: str, *, as_of: date | None = None) -> Case:
        """What a model would be shown of a customer, before any model runs (the local one counts tokens).

        Raises:
            UnknownCustomer, EmptyStore: there is no such history.
        """
        return self._case(self.snapshot(customer_id, as_of=as_of))

    # --- assessing

    def assess(self, customer_id: str, *, as_of: date | None = None) -> Assessment:
        """The assessment of one customer at the end of a day (default: the day of the latest interaction stored).

        Raises:
            UnknownCustomer, EmptyStore: there is no such history.
            Unavailable: the model or the store cannot be used.
        """
        return next(self.assess_many([customer_id], as_of=as_of))

    def assess_many(
        self, customer_ids: Iterable[str], *, as_of: date | None = None, run_id: str | None = None
    ) -> Iterator[Assessment]:
        """Assesses customers, some at a time, in their order. Each record is stored as it is given."""
        companies = self.companies()
        for batch in chunked(customer_ids, _BATCH):
            taken = [self.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            by = self.method
            before = [records.before(self.history, each.customer_id, each.as_of, method=by) for each in taken]
            for assessment in self._assess(taken, by=self._kept, companies=companies, before=before):
                records.add(self.history, assessment, run_id=run_id)
                yield assessment

    def screen_many(
        self, customer_ids: Iterable[str], *, as_of: date | None = None, latest: int = 1
    ) -> Iterator[Screening]:
        """A cheap look at customers, in their order: a score that says whom to assess first. No records are stored.

        It is made with `screening_prompt`.

        Args:
            latest: how many of the latest messages are looked at, besides those that were read at earlier dates.
        """
        prompt, companies = self.screening_prompt, self.companies()
        for batch in chunked(customer_ids, _SCREENED):
            snapshots = [self.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            cases = [self._case(snapshot, companies, mode=prompt.mode) for snapshot in snapshots]
            paid = [
                records.read_before(
                    self.history,
                    case.snapshot.customer_id,
                    case.snapshot.as_of,
                    model=self.model.info.id,
                    prompt_hash=prompt.content_hash,
                )
                for case in cases
            ]
            yield from screen(cases, self.model, prompt, self._taxonomy, paid, latest=latest)

    def record_of(self, screening: Screening) -> Assessment:
        """The record of a customer who was screened and is not assessed: it gives no number."""
        return Assessment(
            status="failed" if screening.score is None else "abstained",
            status_reason="could not be read" if screening.score is None else "screened only: others come first",
            customer_id=screening.customer_id,
            as_of=screening.as_of,
            churn_probability=None,
            band=None,
            reasons=(),
            actions=(),
            facts=computed.compute(self.snapshot(screening.customer_id, as_of=screening.as_of)),
            left_out=LeftOut(),
            screening=screening.score,
            provenance=self._provenance(screening.prompt, None).model_copy(
                update={
                    "evidence_ids": screening.evidence_ids,
                    "prompt_tokens": screening.prompt_tokens,
                    "output_tokens": screening.output_tokens,
                    "cached_answers": screening.cached_answers,
                }
            ),
        )

    def assess_text(self, text: str, *, company: str | None = None) -> Assessment:
        """The assessment of one message by itself; no history is needed, and no record is stored."""
        card = self.card
        now = datetime.now(UTC)
        message = Interaction("text", "(text)", now, "message", text, direction="inbound")
        snapshot = Snapshot(
            customer_id="(text)",
            as_of=now.astimezone(card.zone).date(),
            card=card.model_copy(update={"company": company}) if company else card,
            interactions=(message,),
        )
        return self._assess([snapshot], by=None, companies=self.companies())[0]

    def close(self) -> None:
        """Frees the model, the index and the database."""
        if "model" in self.__dict__:
            self.model.close()
            del self.__dict__["model"]
        super().close()

    def __enter__(self) -> "ChurnAgent":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- parts

    def _case(self, snapshot: Snapshot, companies: frozenset[str] = frozenset(), *, mode: Mode | None = None) -> Case:
        """Args: mode: that looks at the case; that of the settings if not given."""
        facts = computed.compute(snapshot)
        candidates = snapshot.messages if (mode or self.settings.mode) == "read" else snapshot.interactions
        distinct = {each.text_id for each in candidates}
        queries: retrieval.QueryVectors = {}
        if len(distinct) > self.settings.evidence_limit:  # else all are shown, and nothing needs to be ranked
            snapshot = self.with_vectors(snapshot)
            queries = self._query_vectors
        pack = retrieval.retrieve(
            snapshot,
            candidates,
            queries,
            limit=self.settings.evidence_limit,
            token_budget=self.settings.evidence_tokens,
            count_tokens=self.model.count_tokens,
            order=self.settings.evidence_order,
            seed=self.settings.seed,
        )
        actions = tuple(playbooks.eligible(self.playbook, snapshot, facts, None))
        return Case(snapshot, facts, pack, actions, companies)

    @cached_property
    def _query_vectors(self) -> retrieval.QueryVectors:
        vectors = self._vectors(self._phrases)
        return {
            kind: np.vstack([vectors[text_id(phrase)] for phrase in phrases])
            for kind, phrases in self._taxonomy.phrases.items()
        }

    def read_many(self, snapshots: Iterable[Snapshot]) -> Iterator[Assessment]:
        """Assesses by the mode alone, whatever was trained, and stores nothing: what methods learn from."""
        companies = self.companies()
        for batch in chunked(snapshots, _BATCH):
            yield from self._assess(batch, by=None, companies=companies)

    def judge(self, snapshot: Snapshot, companies: frozenset[str]) -> Assessment:
        """The assessment of any snapshot, by the trained method if there is one; nothing is stored or told.

        Args:
            companies: of the book (`companies`); whoever judges many customers looks them up once.
        """
        return self._assess([snapshot], by=self._kept, companies=companies, quiet=True)[0]

    def varied(self, **settings: Any) -> "ChurnAgent":
        """This agent with other settings. It shares model and store with this one, and is not to be closed.

        Raises:
            InputError: a setting does not fit.
        """
        shared = {"history": self.history, "model": self.model, "_index": self._index}
        other = ChurnAgent(self.settings.changed(**settings), model=self._given_model, notify=self._notify)
        other.__dict__.update(shared)
        return other

    @contextmanager
    def elsewhere(self, store: Path) -> "Generator[ChurnAgent]":
        """An agent like this one on another store."""
        other = ChurnAgent(self.settings.changed(store=store), model=self._given_model, notify=self._notify)
        try:
            yield other
        finally:
            if self._given_model:
                other.__dict__.pop("model", None)  # it is not ours to close
            other.close()

    def _assess(
        self,
        batch: Sequence[Snapshot],
        *,
        by: "Kept | None",
        companies: frozenset[str],
        before: Sequence[Assessment | None] = (),
        quiet: bool = False,
    ) -> list[Assessment]:
        started = time.monotonic()
        prompt = self.prompt
        cases = [self._case(snapshot, companies) for snapshot in batch]
        if len(cases) == 1 and not quiet:  # who assesses many sees a bar
            self._notify(f"{prompt.label}: {len(cases[0].pack.evidence)} texts to {self.model.info.id}")
        seed = self.settings.seed
        match prompt.mode:
            case "ask":
                found = ask(cases, self.model, prompt)
            case "read":
                found = read(cases, self.model, prompt, self._taxonomy, seed=seed)
            case "explain":
                found = explain(cases, self.model, prompt, seed=seed)
        how = self._provenance(prompt, by, seconds=(time.monotonic() - started) / len(batch))

        none = [None] * len(cases)

        def composed(numbers: Sequence[Number | None]) -> list[Assessment]:
            return [
                compose(
                    case,
                    each,
                    self._taxonomy,
                    self.playbook,
                    how,
                    number=number,
                    least_days_known=self.settings.least_days_known,
                    bands=self.bands,
                    before=_band_of(earlier, calibrated=by is not None and by.calibrated),
                )
                for case, each, number, earlier in zip(cases, found, numbers, before or none, strict=True)
            ]

        made = composed(none)
        return made if by is None else composed(self._numbers(by, made, batch, companies))

    def _provenance(self, prompt: PromptTemplate, by: "Kept | None", *, seconds: float = 0.0) -> Provenance:
        return Provenance(
            churn_agent=version("churn-agent"),
            model_id=self.model.info.id,
            model_sha256=self.model.info.sha256,
            model_fingerprint=self.model.info.fingerprint,
            mode=prompt.mode,
            prompt=prompt.label,
            prompt_hash=prompt.content_hash,
            embedder=(self._index.card or {}).get("embedder"),
            evidence_ids=(),
            prompt_tokens=0,
            output_tokens=0,
            cached_answers=0,
            seconds=round(seconds, 3),
            seed=self.settings.seed,
            method=by.card.name if by else None,
        )

    def examples(
        self,
        snapshots: Iterable[Snapshot],
        churned: Sequence[bool],
        *,
        needs: "Collection[Need]",
        readings: Sequence[Mapping[str, float]] | None,
        companies: frozenset[str] | None = None,
        progress: Callable[[], None] = lambda: None,
    ) -> "Examples":
        """What trained methods look at; see `learning.examples.prepare`. What none needs is left out.

        Args:
            companies: of the book (`companies`); looked up if not given.
        """
        from churn_agent.learning.examples import prepare

        return prepare(
            churned,
            snapshots,
            with_vectors=self.with_vectors if "vectors" in needs else None,
            dimension=self.dimension if "vectors" in needs else 0,
            encoder=self.embedder.folder if "encoder" in needs else None,
            readings=readings,
            companies=self.companies() if companies is None else companies,
            progress=progress,
        )

    def companies(self) -> frozenset[str]:
        """Names of all companies of the book and of their competitors; all customers are read for it."""
        card = self.card
        attribute = card.company_attribute
        return frozenset({*card.competitors, *(book.values_of(self.history, attribute) if attribute else ())})

    def _numbers(
        self, by: "Kept", made: Sequence[Assessment], batch: Sequence[Snapshot], companies: frozenset[str]
    ) -> list[Number]:
        """What a trained method says, given what was read."""
        from churn_agent.learning.examples import readings_of

        readings = [readings_of(each, horizon_days=self.card.horizon_days) for each in made]
        given = self.examples(
            batch, [False] * len(batch), needs=by.method.needs, readings=readings, companies=companies
        )
        return by.numbers(given, made, base_rate=self.card.base_rate)


def _band_of(earlier: Assessment | None, *, calibrated: bool) -> Band | None:
    """The band of an earlier assessment, if its number is of the same kind."""
    probability = earlier.churn_probability if earlier else None
    return earlier.band if earlier and probability and probability.calibrated == calibrated else None
