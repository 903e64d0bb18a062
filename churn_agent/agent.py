"""The agent: a customer and a date to an assessment."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from sqlalchemy import Engine

from churn_agent import facts as computed
from churn_agent import playbook as playbooks
from churn_agent import retrieval, snapshots
from churn_agent.cache import CachedModel
from churn_agent.composing import compose, with_score
from churn_agent.domain.assessment import Assessment, Provenance
from churn_agent.domain.interactions import Interaction, text_id
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.explain import explain
from churn_agent.elicitation.read import read
from churn_agent.embedding import Embedder
from churn_agent.errors import EmptyStore, IndexBusy, InputError
from churn_agent.history import book, interactions, records, statistics
from churn_agent.history.database import open_database
from churn_agent.history.statistics import BookStatistics
from churn_agent.index import updating
from churn_agent.index.vectors import Index
from churn_agent.ingest import importing
from churn_agent.ingest.sources import find_sources
from churn_agent.labelling.derive import Derived, derive
from churn_agent.learning import kept
from churn_agent.learning.examples import prepare, readings_of
from churn_agent.learning.kept import Kept
from churn_agent.models.base import ChatModel
from churn_agent.models.opening import open_model
from churn_agent.prompts import PromptTemplate, load_prompt, load_taxonomy
from churn_agent.screening import Screening, screen
from churn_agent.search import Hit, nearest
from churn_agent.settings import Settings

Notify = Callable[[str], None]
"""Told in a few words what is going on, for people who wait."""
_BATCH = 8
"""Customers whose requests go to the model together."""
_SCREENED = 40
"""The same where each needs little."""


class ChurnAgent:
    """A store, a model and a prompt, ready to assess. Not safe for use by several threads at once."""

    def __init__(
        self, settings: Settings, *, model: ChatModel | None = None, notify: Notify = lambda what: None
    ) -> None:
        """Nothing is loaded before it is needed.

        Args:
            model: instead of the one that the settings name.
        """
        self.settings = settings
        self._given_model = model
        self._notify = notify

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
    def history(self) -> Engine:
        """The database of the store. Raises `StoreUnavailable`."""
        return open_database(self.settings.store)

    @cached_property
    def model(self) -> ChatModel:
        """The language model, answers paid once. Raises `Unavailable` if it cannot be used."""
        self._notify(f"loading {self.settings.model}")
        return CachedModel(
            self._given_model or open_model(self.settings), self.history, most_answers=self.settings.answers_limit
        )

    @cached_property
    def embedder(self) -> Embedder:
        return Embedder.open(self.settings.embedder, self.settings.models_dir)

    @cached_property
    def prompt(self) -> PromptTemplate:
        """The prompt variant. Raises `InputError` for one that does not exist."""
        return load_prompt(self.settings.mode, self.settings.prompt, folder=self.settings.prompts_dir)

    @property
    def reader(self) -> str:
        """What reads: model and prompt, by hash. Raises `Unavailable`, `InputError`."""
        return f"{self.model.info.fingerprint} {self.prompt.content_hash}"

    @cached_property
    def _kept(self) -> Kept | None:
        """The trained method that gives the number; None if the mode does."""
        if self.settings.method is None:
            return None
        found = kept.load(self.settings.store, self.settings.method)
        if found.card.reader not in (None, self.reader):
            name = found.card.method
            raise InputError(f"{found.card.name} learned from another model's or prompt's readings; train {name} again")
        return found

    @property
    def method(self) -> str | None:
        """The trained method that gives the number, with its version. Raises `InputError`."""
        return self._kept.card.name if self._kept else None

    @property
    def card(self) -> Card:
        """The card of the book; a plain default if none was given."""
        return book.card(self.history) or Card()

    @cached_property
    def _index(self) -> Index:
        return Index(self.settings.store, notify=self._notify)

    @cached_property
    def _taxonomy(self) -> Any:
        return load_taxonomy()

    @cached_property
    def _playbook(self) -> playbooks.Playbook:
        return playbooks.load_playbook()

    # --- bringing data in

    def ingest(
        self,
        given: object,
        *,
        customers: object = None,
        labels: object = None,
        card: Path | None = None,
        mapping: Path | str | None = None,
        query: str | None = None,
        rejects: Path | None = None,
        dry_run: bool = False,
        progress: importing.Progress = lambda source, done, total: None,
    ) -> importing.ImportSummary:
        """Imports interactions with what belongs to them; all or nothing.

        Args:
            given: one or a list of: paths of files or folders, globs, addresses of databases, data frames (pandas,
                polars, Arrow).
            customers: path or data frame of attributes (column `customer_id`).
            labels: path or data frame of outcomes (`customer_id, as_of, churned`).
            card: YAML card of the book.
            mapping: YAML file that says which column is which, or the name of a shipped one (`zendesk`).
            query: SQL for databases.
            rejects: file for rows that are not taken; one in the store's folder `rejected` if not given.

        Raises:
            DataError: a source cannot be used; nothing was stored.
        """
        sources = find_sources(
            given if isinstance(given, list | tuple) else [given],
            customers=customers,
            labels=labels,
            card=card,
            mapping=Path(mapping) if mapping else None,
            query=query,
        )
        if rejects is None and not dry_run:
            rejects = self.settings.store / "rejected" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.jsonl"
        return importing.ingest(
            self.history, sources, dry_run=dry_run, rejects=rejects, progress=progress, announce=self._notify
        )

    def index(self, *, rebuild: bool = False, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Embeds the words of people that are not in the index yet, or all of them anew.

        What systems wrote (orders, bills, usage) speaks through the facts and is not embedded.

        Returns:
            How many texts were embedded.
        """
        phrases = self._phrases
        ids = self.indexed_text_ids() | set(phrases)

        def read_texts(wanted: Sequence[str]) -> dict[str, str]:
            return interactions.texts_by_id(self.history, wanted) | {i: phrases[i] for i in wanted if i in phrases}

        if rebuild:
            return updating.rebuild(self._index, self.settings.store, self.embedder, ids, read_texts, progress)
        return updating.update(self._index, self.embedder, ids, read_texts, progress)

    def indexed_text_ids(self) -> set[str]:
        """Ids of the texts that a complete index holds: all that people wrote."""
        return interactions.text_ids(self.history, channels=self._word_channels())

    def _word_channels(self) -> list[str]:
        card = self.card
        return [channel for channel in interactions.channels(self.history) if card.holds_words(channel)]

    def derive_labels(
        self,
        *,
        events: Collection[str],
        none_for_days: int,
        as_of: Sequence[date],
        active_within_days: int | None = None,
        dry_run: bool = False,
    ) -> list[Derived]:
        """Makes labels from the history itself and stores them; see `labelling.derive.derive`."""
        derived = derive(
            self.history,
            self.card,
            events=events,
            none_for_days=none_for_days,
            as_of=as_of,
            active_within_days=active_within_days,
        )
        if not dry_run:
            with self.history.begin() as connection:
                book.add_labels(connection, [label for each in derived for label in each.labels])
        return derived

    # --- looking

    def search(self, meaning: str, *, since: date | None = None, limit: int = 10) -> list[Hit]:
        """What customers said that is near in meaning, best first. Texts that are not indexed are not found.

        Raises:
            StoreUnavailable: the index is in use, or of another embedder.
        """
        self._index.check(self.embedder)
        first_instant = self.card.end_of_day(since - timedelta(days=1)) if since else None
        vector = self.embedder.encode([meaning])[0].mean(axis=0)
        return nearest(self.history, self._index, vector, limit=limit, since=first_instant)

    def statistics(self) -> BookStatistics:
        """What the book holds. Raises `EmptyStore`."""
        found = statistics.of_book(self.history, self._word_channels())
        if found is None:
            raise EmptyStore
        return found

    def not_indexed(self) -> int:
        """How many of the texts that people wrote are not in the index."""
        return len(self.indexed_text_ids() - self._index.text_ids())

    def snapshot(self, customer_id: str, *, as_of: date | None = None) -> Snapshot:
        """A customer at the end of a day. Raises `UnknownCustomer`, `EmptyStore`."""
        return snapshots.take(self.history, customer_id, as_of=as_of)

    def with_vectors(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with vectors for all its messages."""
        return replace(snapshot, vectors=self._vectors({each.text_id: each.text for each in snapshot.messages}))

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
        for batch in chunked(customer_ids, _BATCH):
            for assessment in self._assess([self.snapshot(customer_id, as_of=as_of) for customer_id in batch]):
                records.add(self.history, assessment, run_id=run_id)
                yield assessment

    def screen_many(self, customer_ids: Iterable[str], *, as_of: date | None = None) -> Iterator[Screening]:
        """A cheap look at customers, in their order: a score that says whom to assess first. No records are stored.

        It is made with the prompt of these settings if that has a `choice`, else with the default one of mode `read`.
        """
        prompt = self.prompt if self.prompt.choice else load_prompt("read")
        for batch in chunked(customer_ids, _SCREENED):
            cases = [self._case(self.snapshot(customer_id, as_of=as_of)) for customer_id in batch]
            yield from screen(cases, self.model, prompt, self._taxonomy)

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
        return self._assess([snapshot])[0]

    def close(self) -> None:
        """Frees the model and the database."""
        if "model" in self.__dict__:
            self.model.close()
            del self.__dict__["model"]
        if "_index" in self.__dict__:
            self._index.close()
        if "history" in self.__dict__:
            self.history.dispose()

    def __enter__(self) -> "ChurnAgent":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- parts

    @cached_property
    def _phrases(self) -> dict[str, str]:
        """The taxonomy's query phrases by text id; they are kept in the index beside the history's texts."""
        return {text_id(phrase): phrase for phrases in self._taxonomy.phrases.values() for phrase in phrases}

    def _case(self, snapshot: Snapshot) -> Case:
        facts = computed.compute(snapshot)
        candidates = snapshot.messages if self.settings.mode == "read" else snapshot.interactions
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
        actions = tuple(playbooks.eligible(self._playbook, snapshot, facts, None))
        return Case(snapshot, facts, pack, actions)

    @cached_property
    def _query_vectors(self) -> retrieval.QueryVectors:
        vectors = self._vectors(self._phrases)
        return {
            kind: np.vstack([vectors[text_id(phrase)] for phrase in phrases])
            for kind, phrases in self._taxonomy.phrases.items()
        }

    def _vectors(self, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
        """Vectors of texts by id. What the index lacks is embedded, and added unless another process uses the index."""
        try:
            self._index.check(self.embedder)
            known = self._index.vectors(texts)
        except IndexBusy:
            known = {}
        missing = {id_: text for id_, text in texts.items() if id_ not in known}
        if missing:
            self._notify(f"embedding {len(missing)} texts")
            new = dict(zip(missing, self.embedder.encode(missing.values()), strict=True))
            known |= new
            with suppress(IndexBusy):
                if self._index.card is None:
                    self._index.create(self.embedder)
                self._index.add(new.items())
        return known

    def _assess(self, batch: Sequence[Snapshot]) -> list[Assessment]:
        started = time.monotonic()
        prompt = self.prompt
        cases = [self._case(snapshot) for snapshot in batch]
        self._notify(f"{prompt.label}: {sum(len(case.pack.evidence) for case in cases)} texts to {self.model.info.id}")
        seed = self.settings.seed
        match prompt.mode:
            case "ask":
                found = ask(cases, self.model, prompt)
            case "read":
                found = read(cases, self.model, prompt, self._taxonomy, seed=seed)
            case "explain":
                found = explain(cases, self.model, prompt, seed=seed)
        seconds = (time.monotonic() - started) / len(batch)
        how = Provenance(
            churn_agent=version("churn-agent"),
            model_id=self.model.info.id,
            model_sha256=self.model.info.sha256,
            mode=prompt.mode,
            prompt=prompt.label,
            prompt_hash=prompt.content_hash,
            embedder=(self._index.card or {}).get("embedder"),
            evidence_ids=(),
            prompt_tokens=0,
            output_tokens=0,
            cached_answers=0,
            seconds=round(seconds, 3),
            seed=seed,
            method=self.method,
        )
        made = [
            compose(case, each, self._taxonomy, self._playbook, how) for case, each in zip(cases, found, strict=True)
        ]
        return self._scored_by_method(made, batch) if self._kept else made

    def _scored_by_method(self, made: Sequence[Assessment], batch: Sequence[Snapshot]) -> list[Assessment]:
        """The same assessments with the number of the trained method."""
        assert self._kept
        needs = self._kept.method.needs
        given = prepare(
            [False] * len(batch),
            batch,
            with_vectors=self.with_vectors if "vectors" in needs else None,
            encoder=self.embedder.folder if "encoder" in needs else None,
            readings=[readings_of(each, horizon_days=self.card.horizon_days) for each in made],
        )
        return [
            with_score(each, float(score), self._kept.card)
            for each, score in zip(made, self._kept.score(given), strict=True)
        ]
