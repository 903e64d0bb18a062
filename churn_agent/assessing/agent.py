"""The agent: assesses a customer at a date."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from more_itertools import chunked
from sqlalchemy import Engine

from churn_agent.assessing import pipeline
from churn_agent.assessing.pipeline import BATCH, Setup
from churn_agent.assessing.screening import Screening, screen
from churn_agent.content import fitted_thresholds
from churn_agent.content.care import load_care
from churn_agent.content.playbook import Playbook, load_playbook
from churn_agent.content.prompts import Mode, PromptTemplate, default_name, load_prompt
from churn_agent.domain.assessment import Assessment, Fact
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.correcting import Corrections
from churn_agent.errors import InputError, StoreUnavailable
from churn_agent.evidence.care import CareRules
from churn_agent.history import records
from churn_agent.ingest.summary import ImportSummary
from churn_agent.models.base import ChatModel
from churn_agent.models.cache import CachedModel
from churn_agent.models.common_answers import with_common_answers
from churn_agent.models.opening import is_local, is_stand_in, open_model
from churn_agent.scoring import prior
from churn_agent.settings import Settings
from churn_agent.store.store import Notify, Store

if TYPE_CHECKING:
    from churn_agent.learning.stored import StoredMethod

NO_METHOD = "none"
_CALIBRATED = "methods/calibrated-*.json"
_SCREENED = 40
"""Like `BATCH`, for screening, which needs fewer requests per customer."""


class ChurnAgent:
    """A store, a model and a prompt, ready to assess.

    Several threads may assess with one agent: one batch goes to the model at a time, and the others wait. Only one
    thread at a time may change the store (imports, indexing, erasure).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        model: ChatModel | None = None,
        notify: Notify = lambda what: None,
    ) -> None:
        """Loads nothing until it is needed.

        Args:
            settings: all settings.
            store: used instead of the store in the settings. The caller has to close it.
            model: used instead of the model in the settings. The caller has to close it.
            notify: called with short progress messages.
        """
        self.settings = settings
        self.store = store or Store(settings, notify=notify)
        self._owns_store = store is None
        self._passed_model = model
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

    # --- parts

    @property
    def model(self) -> CachedModel:
        """The language model behind its cache of answers. Raises `Unavailable` if it cannot be used."""
        with self._lock:
            if self._model is None:
                self._model = self._open_model()
            return self._model

    def _open_model(self) -> CachedModel:
        if isinstance(self._passed_model, CachedModel):  # shared with the agent that this one was varied from
            return self._passed_model
        if self._passed_model is None:
            self._notify(f"loading {self.settings.model}")
        model = self._passed_model or open_model(self.settings, notify=self._notify)
        if self._passed_model or is_local(self.settings):  # an API has none, and is not contacted before it is needed
            model = with_common_answers(model, self.settings.models_dir)
        return CachedModel(model, self.store.history, most_answers=self.settings.answers_limit)

    @cached_property
    def prompt(self) -> PromptTemplate:
        """The prompt variant. Raises `InputError` for one that does not exist."""
        return self._load_prompt(self.settings.mode, self.settings.prompt)

    def _load_prompt(self, mode: Mode, name: str | None) -> PromptTemplate:
        stand_in = self._passed_model.info.stand_in if self._passed_model else is_stand_in(self.settings)
        folder = self.settings.prompts_dir
        return load_prompt(mode, name or default_name(mode, folder, stand_in=stand_in), folder=folder)

    @cached_property
    def screening_prompt(self) -> PromptTemplate:
        """The prompt in the settings if it can screen, otherwise the default prompt of mode `read`.

        A prompt that uses the second reader can, or one with a `choice`. Raises `InputError` if neither can.
        """
        if self.prompt.choice or self.prompt.second_reader:
            return self.prompt
        standard = self._load_prompt("read", None)
        if not (standard.choice or standard.second_reader):
            raise InputError(
                f"prompt {standard.label} has no 'choice', which screening needs; use one that has: --prompt"
            )
        return standard

    @cached_property
    def playbook(self) -> Playbook:
        """The playbook: the shipped one, or the one in the settings' prompts folder. Raises `FileFormatError`."""
        return load_playbook(self.settings.prompts_dir)

    @cached_property
    def care(self) -> CareRules:
        """The rules for care: the shipped ones, or those in the settings' prompts folder. Raises `FileFormatError`."""
        return load_care(self.settings.prompts_dir)

    @property
    def readings_id(self) -> str:
        """Hashes of everything that turns words into a score: model, prompt with its thresholds, weights, rules.

        Raises `Unavailable`, `InputError` and `FileFormatError`.
        """
        prompt = self.fitted(self.prompt)
        weights = prior.fingerprint(self.store.taxonomy.weights, prompt.thresholds)
        return f"{self.model.info.fingerprint} {prompt.identity} {weights} {self.store.taxonomy.quotes.content_hash}"

    def fitted(self, prompt: PromptTemplate) -> PromptTemplate:
        """A prompt with the thresholds for the model. Raises `Unavailable` if the model cannot be used."""
        return fitted_thresholds.for_model(prompt, self.model.info, self.settings.models_dir)

    @cached_property
    def _method(self) -> "StoredMethod | None":
        """The trained method that gives the number; None if the mode does."""
        name = self.settings.method
        if name == NO_METHOD or (name is None and not any(self.settings.store.glob(_CALIBRATED))):
            return None
        from churn_agent.learning import stored  # scikit-learn takes a second to load and is often not needed

        try:
            method = stored.load(self.settings.store, name or "calibrated")
            method.refuse_other(readings_id=self.readings_id, embedder=self.store.embedder_id)
        except (InputError, StoreUnavailable) as error:
            if name:
                raise
            self._notify(f"not calibrated: {error}")
            return None
        return method

    @property
    def method(self) -> str | None:
        """The trained method that gives the number, with its version. Raises `InputError`."""
        return self._method.info.name if self._method else None

    def drifted(self, facts: Iterable[Sequence[Fact]]) -> list[str]:
        """How customers with these facts differ, as a group, from those that the trained method learned from."""
        if self._method is None:
            return []
        from churn_agent.learning.drift import drifted

        return drifted(self._method.info.facts, facts)

    def setup(self) -> Setup:
        """The setup for assessments. It reads all customers' attributes once, so that one setup can serve a whole run.

        Raises:
            Unavailable: the model or the store cannot be used.
            InputError: the prompt or the trained method does not exist.
        """
        with self._lock:
            if self.store.card.bands == "capacity" and not (self._method and self._method.info.level):
                self._notify("no bands by capacity yet: they need a calibration (churn-agent calibrate)")
            return Setup(
                settings=self.settings,
                store=self.store,
                model=self.model,
                prompt=self.prompt,
                taxonomy=self.store.taxonomy,
                playbook=self.playbook,
                care=self.care,
                companies=self.store.companies(),
                method=self._method,
                corrections=Corrections(self.store.corrections_in_force(), self.store.vectors_of),
            )

    # --- assessing

    def assess(self, customer_id: str | int, *, as_of: date | str | None = None) -> Assessment:
        """The assessment of one customer at the end of a day. The record is stored.

        Args:
            customer_id: as in the data; a whole number stands for its digits.
            as_of: the day, in the book's time zone (a date, a time without a time zone, or ISO text); later
                interactions are not used. Default: `Store.default_as_of`.

        Returns:
            The record. If the model failed on this customer, its status is `failed`, with the reason.

        Raises:
            InputError: `customer_id` or `as_of` is of another kind.
            UnknownCustomer, EmptyStore: there is no such history.
            Unavailable: the model or the store cannot be used.
        """
        return next(self.assess_many([customer_id], as_of=as_of))

    def assess_many(
        self, customer_ids: Iterable[str | int], *, as_of: date | str | None = None, run_id: str | None = None
    ) -> Iterator[Assessment]:
        """Assesses customers in batches and yields their records in the same order. Each record is stored first.

        Args:
            customer_ids: several ids; see `assess`.
            as_of: see `assess`.
            run_id: the batch that the records belong to, if they belong to one.

        Raises:
            InputError: an id or `as_of` is of another kind.
            UnknownCustomer, EmptyStore: a customer has no history.
            Unavailable: the model or the store cannot be used.
        """
        if isinstance(customer_ids, str):
            raise InputError(f"assess_many takes several ids; for one, call assess({customer_ids!r})")
        setup, history = self.setup(), self.store.history
        for batch in chunked(customer_ids, BATCH):
            snapshots = [self.store.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            before = [
                records.before(history, snapshot.customer_id, snapshot.as_of, method=self.method)
                for snapshot in snapshots
            ]
            if len(snapshots) == 1:  # several customers have a progress bar
                self._notify(f"{setup.prompt.label}: {snapshots[0].customer_id} by {setup.model.info.id}")
            for assessment in self.judge(snapshots, setup, before=before):
                records.add(history, assessment, run_id=run_id)
                yield assessment

    def assess_text(self, text: str, *, company: str | None = None) -> Assessment:
        """The assessment of a single message. It needs no history and stores no record.

        Args:
            text: the message.
            company: the company that it was written to; the one on the card of the book if not given.

        Raises:
            Unavailable: the model or the store cannot be used.
        """
        setup = replace(self.setup(), method=None)
        self._notify(f"{setup.prompt.label}: one message by {setup.model.info.id}")
        return self.judge([self.snapshot_of_text(text, company=company)], setup)[0]

    def snapshot_of_text(self, text: str, *, company: str | None = None) -> Snapshot:
        """A customer of today who has written one message and nothing else.

        Args:
            text: the message.
            company: see `assess_text`.
        """
        card = self.store.card
        now = datetime.now(UTC)
        message = Interaction("text", "(text)", now, "message", text, direction="inbound")
        return Snapshot(
            customer_id="(text)",
            as_of=card.local(now).date(),
            card=card.model_copy(update={"company": company}) if company else card,
            interactions=(message,),
        )

    def judge(
        self,
        snapshots: Sequence[Snapshot],
        setup: Setup | None = None,
        *,
        before: Sequence[Assessment | None] | None = None,
    ) -> list[Assessment]:
        """The records of any snapshots, in the same order; nothing is stored.

        Args:
            snapshots: a small number; all their requests go to the model in one batch.
            setup: the setup of their run; default: a new one.
            before: see `pipeline.assess`.
        """
        setup = setup or self.setup()
        with self._lock:
            return pipeline.assess(snapshots, setup, before=before)

    def read_many(self, snapshots: Iterable[Snapshot]) -> Iterator[Assessment]:
        """Assesses by the mode alone, without a trained method, and stores nothing. Methods learn from the results."""
        setup = replace(self.setup(), method=None)
        for batch in chunked(snapshots, BATCH):
            yield from self.judge(batch, setup)

    def evidence(self, customer_id: str | int, *, as_of: date | str | None = None) -> Case:
        """The facts and evidence that a model would be shown. No model runs, except that a local one counts tokens.

        Raises:
            UnknownCustomer, EmptyStore: there is no such history.
        """
        snapshot, setup = self.store.snapshot(customer_id, as_of=as_of), self.setup()
        with self._lock:
            return pipeline.case_of(snapshot, setup)

    def screen_many(
        self,
        customer_ids: Iterable[str],
        *,
        as_of: date | None = None,
        latest: int = 1,
        read: Collection[str] | None = None,
        setup: Setup | None = None,
    ) -> Iterator[Screening]:
        """Screens customers, in the same order: a cheap score that ranks them for assessment. No records are stored.

        It uses `screening_prompt`.

        Args:
            customer_ids: ids of customers with a history.
            as_of: see `assess`.
            latest: how many of the latest messages the model reads, besides those that were read at earlier dates; the
                second reader reads all.
            read: ids of messages that the model reads instead of those that were read at earlier dates.
            setup: the setup of their run; default: a new one.
        """
        setup = replace(setup or self.setup(), prompt=self.screening_prompt, method=None)
        provenance = pipeline.provenance(setup)
        for batch in chunked(customer_ids, _SCREENED):
            snapshots = [self.store.snapshot(customer_id, as_of=as_of) for customer_id in batch]
            read_before = [
                # The second reader reads all messages anyway.
                frozenset(read or ())
                if setup.second_reader or read is not None
                else records.read_before(
                    self.store.history,
                    snapshot.customer_id,
                    snapshot.as_of,
                    model=setup.model.info.id,
                    prompt_hashes=setup.prompt.hashes,
                )
                for snapshot in snapshots
            ]
            with self._lock:
                case_of = pipeline.case_with_latest if setup.second_reader else pipeline.case_of
                cases = [case_of(snapshot, setup) for snapshot in snapshots]
                screened = screen(
                    cases,
                    setup.model,
                    setup.fitted_prompt,
                    setup.taxonomy,
                    read_before,
                    latest=latest,
                    how=provenance,
                    second=setup.second_reader,
                    corrections=setup.corrections.of_equal_texts(),
                )
            yield from screened

    # --- other agents

    def varied(self, **settings: Any) -> "ChurnAgent":
        """This agent with other settings, on the same store and with the same model. It does not have to be closed.

        Raises:
            InputError: a setting is invalid.
        """
        return self._beside(self.settings.changed(**settings), self.model)

    def without_asking(self) -> "ChurnAgent":
        """This agent with stored answers of the model alone; others raise `AnswerNotStored`.

        It does not have to be closed.
        """
        return self._beside(self.settings, self.model.without_asking())

    def _beside(self, settings: Settings, model: CachedModel) -> "ChurnAgent":
        other = ChurnAgent(settings, store=self.store, model=model, notify=self._notify)
        other._lock = self._lock
        return other

    def elsewhere(self, store: Path) -> "ChurnAgent":
        """An agent with the same settings and model on another store. The caller has to close it."""
        return ChurnAgent(self.settings.changed(store=store), model=self._passed_model, notify=self._notify)

    # --- shorthands

    @property
    def history(self) -> Engine:
        """The database of the store. Raises `StoreUnavailable`."""
        return self.store.history

    def ingest(self, given: object, **options: Any) -> ImportSummary:
        """Imports interactions and related data; see `Store.ingest`."""
        return self.store.ingest(given, **options)

    def snapshot(self, customer_id: str | int, *, as_of: date | str | None = None) -> Snapshot:
        """A customer at the end of a day; see `Store.snapshot`."""
        return self.store.snapshot(customer_id, as_of=as_of)

    def close(self) -> None:
        """Closes everything that this agent opened: the model, the index and the database."""
        if self._model is not None:
            self._model.prune()
            if self._passed_model is None:
                self._model.close()
            self._model = None
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> "ChurnAgent":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
