"""The agent: a customer and a date to an assessment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from more_itertools import chunked
from sqlalchemy import Engine

from churn_agent.assessing import pipeline
from churn_agent.assessing.pipeline import Setup
from churn_agent.assessing.screening import Screening, screen
from churn_agent.content.playbook import Playbook, load_playbook
from churn_agent.content.prompts import PromptTemplate, load_prompt
from churn_agent.domain.assessment import Assessment, Fact
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.elicitation.base import Case
from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.history import records
from churn_agent.ingest.importing import ImportSummary
from churn_agent.models.base import ChatModel
from churn_agent.models.cache import CachedModel
from churn_agent.models.common_answers import with_common_answers
from churn_agent.models.opening import is_local, open_model
from churn_agent.scoring import prior
from churn_agent.settings import Settings
from churn_agent.store.store import Notify, Store

if TYPE_CHECKING:
    from churn_agent.learning.kept import Kept

NO_METHOD = "none"
_CALIBRATED = "methods/calibrated-*.json"
_BATCH = 8
"""Customers whose requests go to the model together."""
_SCREENED = 40
"""The same where each needs little."""


class ChurnAgent:
    """A store, a model and a prompt, ready to assess.

    Several threads may assess with one agent: one batch goes to the model at a time, and the others wait. What changes
    the store (imports, indexing, erasure) is for one thread at a time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        model: ChatModel | None = None,
        notify: Notify = lambda what: None,
    ) -> None:
        """Nothing is loaded before it is needed.

        Args:
            settings: everything that can be set.
            store: to use instead of the one that the settings name. It stays the caller's to close.
            model: to use instead of the one that the settings name. It stays the caller's to close.
            notify: called with a few words about what is going on.
        """
        self.settings = settings
        self.store = store or Store(settings, notify=notify)
        self._owns_store = store is None
        self._given_model = model
        self._model: CachedModel | None = None
        self._notify = notify
        self._lock = RLock()

    @classmethod
    def open(
        cls, store: Path | str | None = None, *, notify: Notify = lambda what: None, **settings: Any
    ) -> "ChurnAgent":
        """An agent on the store in a folder, which is created if it does not exist.

        Neither the environment nor a settings file is read: settings that are not passed have their defaults. To use
        them, as the command line does: `ChurnAgent(Settings.load(store=...))`.

        Args:
            store: folder of the store; the default one in the user's data folder if not given.
            notify: called with a few words about progress.
            **settings: fields of `Settings`; None leaves the default.

        Raises:
            InputError: a value does not fit its setting, or there is no such setting.
        """
        chosen = {"store": store, **settings}
        return cls(
            Settings().changed(**{name: value for name, value in chosen.items() if value is not None}), notify=notify
        )

    # --- what it works with

    @property
    def model(self) -> CachedModel:
        """The language model, answers paid once. Raises `Unavailable` if it cannot be used."""
        with self._lock:
            if self._model is None:
                self._model = self._open_model()
            return self._model

    def _open_model(self) -> CachedModel:
        if isinstance(self._given_model, CachedModel):  # of the agent that this one varies
            return self._given_model
        if self._given_model is None:
            self._notify(f"loading {self.settings.model}")
        model = self._given_model or open_model(self.settings, notify=self._notify)
        if self._given_model or is_local(self.settings):  # an API keeps none, and is not asked before it is needed
            model = with_common_answers(model, self.settings.models_dir)
        return CachedModel(model, self.store.history, most_answers=self.settings.answers_limit)

    @cached_property
    def prompt(self) -> PromptTemplate:
        """The prompt variant. Raises `InputError` for one that does not exist."""
        return load_prompt(self.settings.mode, self.settings.prompt, folder=self.settings.prompts_dir)

    @cached_property
    def screening_prompt(self) -> PromptTemplate:
        """The prompt of these settings if it has a `choice`, else the default one of mode `read`. Raises `InputError`
        if that has none either."""
        if self.prompt.choice:
            return self.prompt
        standard = load_prompt("read", folder=self.settings.prompts_dir)
        if not standard.choice:
            raise InputError(
                f"prompt {standard.label} has no 'choice', which screening needs; use one that has: --prompt"
            )
        return standard

    @cached_property
    def playbook(self) -> Playbook:
        """Shipped, or from the folder of prompts that the settings name. Raises `FileFormatError`."""
        return load_playbook(self.settings.prompts_dir)

    @property
    def reader(self) -> str:
        """What makes a score of words: model, prompt and prior weights, by hash. Raises `Unavailable`, `InputError`."""
        return f"{self.model.info.fingerprint} {self.prompt.content_hash} {prior.fingerprint()}"

    @cached_property
    def _method(self) -> "Kept | None":
        """The trained method that gives the number; None if the mode does."""
        wanted = self.settings.method
        if wanted == NO_METHOD or (wanted is None and not any(self.settings.store.glob(_CALIBRATED))):
            return None
        from churn_agent.learning import kept  # scikit-learn takes a second to load, and many need it not

        try:
            method = kept.load(self.settings.store, wanted or "calibrated")
            method.refuse_other(reader=self.reader, embedder=self.store.embedder_id)
        except (InputError, StoreUnavailable) as error:
            if wanted:
                raise
            self._notify(f"not calibrated: {error}")
            return None
        return method

    @property
    def method(self) -> str | None:
        """The trained method that gives the number, with its version. Raises `InputError`."""
        return self._method.card.name if self._method else None

    def drifted(self, facts: Iterable[Sequence[Fact]]) -> list[str]:
        """How customers with such facts differ, taken together, from those that the trained method learned from."""
        if self._method is None:
            return []
        from churn_agent.learning.drift import drifted

        return drifted(self._method.card.facts, facts)

    def setup(self) -> Setup:
        """What customers are assessed with now. It reads the customers' attributes once: one setup serves a whole run.

        Raises:
            Unavailable: the model or the store cannot be used.
            InputError: the prompt or the trained method does not exist.
        """
        with self._lock:
            return Setup(
                settings=self.settings,
                store=self.store,
                model=self.model,
                prompt=self.prompt,
                taxonomy=self.store.taxonomy,
                playbook=self.playbook,
                companies=self.store.companies(),
                method=self._method,
            )

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
        setup, history = self.setup(), self.store.history
        for batch in chunked(customer_ids, _BATCH):
            snapshots = [self.store.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            before = [records.before(history, each.customer_id, each.as_of, method=self.method) for each in snapshots]
            if len(snapshots) == 1:  # who assesses many sees a bar
                self._notify(f"{setup.prompt.label}: {batch[0]} by {setup.model.info.id}")
            for assessment in self.judge(snapshots, setup, before=before):
                records.add(history, assessment, run_id=run_id)
                yield assessment

    def assess_text(self, text: str, *, company: str | None = None) -> Assessment:
        """The assessment of one message by itself; no history is needed, and no record is stored."""
        card = self.store.card
        now = datetime.now(UTC)
        message = Interaction("text", "(text)", now, "message", text, direction="inbound")
        snapshot = Snapshot(
            customer_id="(text)",
            as_of=card.local(now).date(),
            card=card.model_copy(update={"company": company}) if company else card,
            interactions=(message,),
        )
        setup = replace(self.setup(), method=None)
        self._notify(f"{setup.prompt.label}: one message by {setup.model.info.id}")
        return self.judge([snapshot], setup)[0]

    def judge(
        self,
        snapshots: Sequence[Snapshot],
        setup: Setup | None = None,
        *,
        before: Sequence[Assessment | None] | None = None,
    ) -> list[Assessment]:
        """The records of any snapshots, in their order; nothing is stored.

        Args:
            snapshots: a few; all their requests go to the model together.
            setup: of the run that they are part of; looked up if not given.
            before: see `pipeline.assess`.
        """
        setup = setup or self.setup()
        with self._lock:
            return pipeline.assess(snapshots, setup, before=before)

    def read_many(self, snapshots: Iterable[Snapshot]) -> Iterator[Assessment]:
        """Assesses by the mode alone, whatever was trained, and stores nothing: what methods learn from."""
        setup = replace(self.setup(), method=None)
        for batch in chunked(snapshots, _BATCH):
            yield from self.judge(batch, setup)

    def evidence(self, customer_id: str, *, as_of: date | None = None) -> Case:
        """What a model would be shown of a customer, before any model runs (the local one counts tokens).

        Raises:
            UnknownCustomer, EmptyStore: there is no such history.
        """
        snapshot, setup = self.store.snapshot(customer_id, as_of=as_of), self.setup()
        with self._lock:
            return pipeline.case_of(snapshot, setup)

    def screen_many(
        self, customer_ids: Iterable[str], *, as_of: date | None = None, latest: int = 1
    ) -> Iterator[Screening]:
        """A cheap look at customers, in their order: a score that says whom to assess first. No records are stored.

        It is made with `screening_prompt`.

        Args:
            customer_ids: of customers with a history.
            as_of: see `assess`.
            latest: how many of the latest messages are looked at, besides those that were read at earlier dates.
        """
        setup = replace(self.setup(), prompt=self.screening_prompt, method=None)
        how = pipeline.provenance(setup)
        for batch in chunked(customer_ids, _SCREENED):
            snapshots = [self.store.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            paid = [
                records.read_before(
                    self.store.history,
                    snapshot.customer_id,
                    snapshot.as_of,
                    model=setup.model.info.id,
                    prompt_hash=setup.prompt.content_hash,
                )
                for snapshot in snapshots
            ]
            with self._lock:
                cases = [pipeline.case_of(snapshot, setup) for snapshot in snapshots]
                screened = screen(cases, setup.model, setup.prompt, setup.taxonomy, paid, latest=latest, how=how)
            yield from screened

    # --- other agents

    def varied(self, **settings: Any) -> "ChurnAgent":
        """This agent with other settings, on the same store and with the same model; it need not be closed.

        Raises:
            InputError: a setting does not fit.
        """
        other = ChurnAgent(self.settings.changed(**settings), store=self.store, model=self.model, notify=self._notify)
        other._lock = self._lock
        return other

    def elsewhere(self, store: Path) -> "ChurnAgent":
        """An agent like this one on another store; it is to be closed."""
        return ChurnAgent(self.settings.changed(store=store), model=self._given_model, notify=self._notify)

    # --- shorthands

    @property
    def history(self) -> Engine:
        """The database of the store. Raises `StoreUnavailable`."""
        return self.store.history

    def ingest(self, given: object, **options: Any) -> ImportSummary:
        """Imports interactions with what belongs to them; see `Store.ingest`."""
        return self.store.ingest(given, **options)

    def snapshot(self, customer_id: str, *, as_of: date | None = None) -> Snapshot:
        """A customer at the end of a day; see `Store.snapshot`."""
        return self.store.snapshot(customer_id, as_of=as_of)

    def close(self) -> None:
        """Frees what this agent opened: the model, the index and the database."""
        if self._model is not None:
            self._model.prune()
            if self._given_model is None:
                self._model.close()
            self._model = None
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> "ChurnAgent":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
