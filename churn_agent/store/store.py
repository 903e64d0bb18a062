"""A store: the history and the index of one book, with imports and queries."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from churn_agent.content.playbook import load_playbook
from churn_agent.content.taxonomy import Taxonomy, load_taxonomy
from churn_agent.domain import payments
from churn_agent.domain.afterwards import lasting
from churn_agent.domain.arguments import as_customer_id, as_day
from churn_agent.domain.interactions import Interaction, Label, text_id
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.errors import EmptyStore, IndexBusy, InputError, StoreUnavailable
from churn_agent.evidence.retrieval import QueryVectors
from churn_agent.files.writability import is_read_only
from churn_agent.history import aliases as known_aliases
from churn_agent.history import book, corrections, imports, interactions, snapshots, statistics
from churn_agent.history import copying as copying_history
from churn_agent.history import runs as run_log
from churn_agent.history.corrections import Correction
from churn_agent.history.database import open_database
from churn_agent.history.imports import Import, Undone
from churn_agent.history.interactions import CustomerSummary
from churn_agent.history.latest import last_day
from churn_agent.history.runs import Run
from churn_agent.history.statistics import BookStatistics
from churn_agent.index import copying, updating
from churn_agent.index.embedder import Embedder
from churn_agent.index.search import Hit, nearest
from churn_agent.index.vectors import Index
from churn_agent.ingest import importing
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.rejects import check_replaceable
from churn_agent.ingest.sources import Sources, find_sources
from churn_agent.ingest.summary import ImportSummary
from churn_agent.settings import Settings
from churn_agent.store import forgetting, outputs, undoing
from churn_agent.store.forgetting import Removed
from churn_agent.store.places.base import Site
from churn_agent.store.places.files import REJECTED

Notify = Callable[[str], None]
"""Called with short progress messages for the user."""


class Store:
    """The store in the settings. Everything is loaded when first needed."""

    def __init__(self, settings: Settings, *, notify: Notify = lambda what: None) -> None:
        self.settings = settings
        self._notify = notify
        self._copy: TemporaryDirectory[str] | None = None
        """The index of a read-only store."""
        self._notified: set[str] = set()
        """Notes that are sent once."""

    @cached_property
    def history(self) -> Engine:
        """The database of the store; reports interrupted erasures. Raises `StoreUnavailable`."""
        engine = open_database(self.settings.store, self._notify)
        for customer_id in forgetting.pending(self.settings.store):
            self._notify(forgetting.cut_off(customer_id))
        for import_id in undoing.pending(engine):
            self._notify(f"undoing import {import_id} was interrupted; finish it: churn-agent imports undo {import_id}")
        return engine

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model, loaded once. Raises `Unavailable` if its weights are not there."""
        return Embedder.open(self.settings.embedder, self.settings.models_dir)

    @property
    def dimension(self) -> int:
        """Dimension of the vectors; the embedder is loaded only if the index does not record it."""
        known = (self._index.manifest or {}).get("dimension")
        return int(known) if known else self.embedder.dimension

    @property
    def embedder_id(self) -> str:
        """Name and revision of the embedder."""
        return f"{self.embedder.id} {self.embedder.revision}"

    @property
    def card(self) -> Card:
        """The card of the book; a default one if none was imported."""
        return book.card(self.history) or Card()

    @property
    def has_card(self) -> bool:
        """Whether a card of the book was imported."""
        return book.card(self.history) is not None

    @cached_property
    def _index(self) -> Index:
        if not is_read_only(self.settings.store):
            return Index(self.settings.store, notify=self._notify)
        self._copy = copying.copy(self.settings.store)
        return Index(Path(self._copy.name), notify=self._notify)

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """All signals: from the folder of own prompts, or the shipped ones. Raises `FileFormatError`."""
        return load_taxonomy(self.settings.prompts_dir)

    @property
    def indexed_by(self) -> str | None:
        """The embedder of the index; None without an index."""
        return (self._index.manifest or {}).get("embedder")

    # --- imports

    def ingest(self, given: object, options: ImportOptions | None = None, **changes: Any) -> ImportSummary:
        """Imports interactions, attributes, labels and a card, in full or not at all.

        Args:
            given: a source or a list of sources: paths of files or folders, globs, database URLs, data frames (pandas,
                polars, Arrow).
            options: other files, and options.
            **changes: options by name (`yes=True`).

        Raises:
            DataError: a source is unusable; nothing was stored.
            NeedsAnswer: the data can be read in two ways, or a word for the author is unknown; nothing was stored.
            InputError: the card is for another company than the stored one, or the file for rejected rows is another
                file of the user or of the store; nothing was stored.
        """
        options = replace(options or ImportOptions(), **changes)
        sources = _sources(given, options)
        if options.rejects is not None:
            self.check_output(options.rejects, *sources.paths, may_be=REJECTED)
            check_replaceable(options.rejects)
        elif not options.dry_run:
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.jsonl"
            options = replace(options, rejects=self.settings.store / "rejected" / name)
        return self._ingest(sources, options)

    def imported_before(self, given: object, options: ImportOptions) -> int | None:
        """Returns the last import of the same files with the same contents; None if there is none, or for databases.

        Raises:
            DataError: a source is not there.
        """
        return importing.imported_before(self.history, _sources(given, options))

    def _ingest(self, sources: Sources, options: ImportOptions, *, replaces: int | None = None) -> ImportSummary:
        if options.dry_run and copying_history.must_be_copied(self.settings.store):
            with copying_history.copied(self.settings.store) as history:
                return importing.ingest(history, sources, options, announce=self._notify)
        summary = importing.ingest(self.history, sources, options, replaces=replaces, announce=self._notify)
        if summary.replaced is not None and summary.import_id is not None:
            undoing.clean_up(self._site, summary.replaced, set(self._phrases))
        return summary

    def check_output(self, output: Path, *inputs: Path, may_be: str = "") -> None:
        """Checks that writing a file destroys nothing.

        Args:
            output: the file.
            *inputs: other files of the command.
            may_be: name of a place in the store that the file may belong to (`store.places`).

        Raises:
            InputError: it is one of the inputs, or another file of the store.
        """
        outputs.check(output, store=self.settings.store, inputs=inputs, may_be=may_be)

    def imports(self) -> list[Import]:
        """Returns all imports, oldest first."""
        return imports.all_imports(self.history)

    def find_import(self, import_id: int) -> Import:
        """Returns an import by its number. Raises `InputError` if there is none."""
        return imports.find(self.history, import_id)

    def undo_import(self, import_id: int) -> Undone | None:
        """Undoes an import: its rows are deleted or get their earlier values back; none of its text stays in the store.

        Records that rest on its messages keep their number and are marked; their words and facts are removed.

        Returns:
            The changes in the history; None if an interrupted undoing was completed.

        Raises:
            InputError: there is no such import, it was undone, or it is by a version that did not keep values apart.
            StoreUnavailable: the index or the history is in use. Call it again.
        """
        row = imports.find(self.history, import_id)
        if not row.can_be_undone:
            why = "is undone already" if row.state == "undone" else "was made before imports were kept apart"
            raise InputError(f"import {import_id} {why}")
        undone = None
        if row.state == "stored":
            with self.history.begin() as connection:
                undone = imports.undo(connection, import_id)
        undoing.clean_up(self._site, import_id, set(self._phrases))
        return undone

    def redo_import(self, import_id: int, options: ImportOptions | None = None, **changes: Any) -> ImportSummary:
        """Imports the sources of an import again, with another mapping, in place of it.

        Args:
            import_id: the import.
            options: options of the new import, above all its mapping. The files are those of the import.
            **changes: options by name (`mapping="zendesk"`).

        Raises:
            InputError: there is no such import, its sources are not files or have changed, or a later import has newer
                values.
            DataError: a source is unusable; nothing was changed.
        """
        row = imports.find(self.history, import_id)
        if row.state != "stored" or not row.contents:
            raise InputError(f"import {import_id} cannot be repeated: it is undone, or it did not come from files")
        kinds = row.kinds
        others: dict[str, Any] = {
            kind: Path(file) for file, of in kinds.items() for kind in of if kind != "interactions"
        }
        files = [file for file in row.contents if "interactions" in kinds.get(file, ("interactions",))]
        options = replace(options or ImportOptions(), **changes)
        mapping = Path(options.mapping) if options.mapping else None
        sources = find_sources(files, mapping=mapping, query=options.query or row.summary.get("query"), **others)
        return self._ingest(sources, options, replaces=import_id)

    def merge_customers(self, old: str, new: str) -> int:
        """Makes `old` another id of the customer `new`, for all that is stored and for later imports.

        Returns:
            The number of interactions moved.

        Raises:
            InputError: the ids already refer to the same customer, or one of them is blank or cannot be printed.
        """
        with self.history.begin() as connection:
            return book.merge_customers(connection, old, new)

    def split_customer(self, old: str) -> int:
        """Undoes `merge_customers`. Returns the number of interactions moved. Raises `InputError`."""
        with self.history.begin() as connection:
            return book.split_customer(connection, old)

    def aliases(self) -> dict[str, str]:
        """Returns old id -> id of the customer today."""
        return known_aliases.all_aliases(self.history)

    def ids_without_data(self, ids: Sequence[str]) -> list[str]:
        """Returns the ids, in the source, under which nothing was imported."""
        return known_aliases.without_data(self.history, ids)

    def labels(self, customer_id: str | None = None) -> list[Label]:
        """Returns all outcomes, or those of a customer, by customer and date."""
        return book.labels_in_full(self.history, customer_id)

    def index(self, *, rebuild: bool = False, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Embeds messages that are not in the index yet, or all of them again.

        Texts written by systems (orders, bills, usage) contribute through facts and are not embedded.

        Returns:
            The number of texts embedded.

        Raises:
            StoreUnavailable: the store is read-only, or the index is in use or damaged.
        """
        self._require_writable()
        phrases = self._phrases
        ids = self.indexed_text_ids() | set(phrases)

        def read_texts(text_ids: Sequence[str]) -> dict[str, str]:
            return interactions.texts_by_id(self.history, text_ids) | {i: phrases[i] for i in text_ids if i in phrases}

        if rebuild:
            return updating.rebuild(self._index, self.settings.store, self.embedder, ids, read_texts, progress)
        return updating.update(self._index, self.embedder, ids, read_texts, progress)

    def indexed_text_ids(self) -> set[str]:
        """Returns the ids of the texts in a complete index: all messages by people."""
        return interactions.text_ids(self.history, channels=self._word_channels())

    def _word_channels(self) -> list[str]:
        card = self.card
        return [channel for channel in interactions.channels(self.history) if card.holds_words(channel)]

    def note_action(self, customer_id: str, action_id: str, day: date) -> bool:
        """Records, as an interaction at noon of a day, that an action of the playbook was carried out.

        Returns:
            Whether it is new: False if it was recorded before.

        Raises:
            InputError: the playbook has no such action.
            UnknownCustomer: the customer has no history.
        """
        actions = load_playbook(self.settings.prompts_dir).by_id
        if action_id not in actions:
            raise InputError(f"no action {action_id!r} in the playbook; there are: {', '.join(actions)}")
        self.snapshot(customer_id)  # raises for an unknown customer
        action = actions[action_id]
        noon = datetime.combine(day, time(12), self.card.zone).astimezone(UTC)
        done = Interaction(
            id=text_id(f"action/{customer_id}/{action.id}/{day}"),
            customer_id=customer_id,
            occurred_at=noon,
            channel=action.channel,
            text=action.title,
            direction="outbound",
            metadata={"action": action.id},
        )
        with self.history.begin() as connection:
            return interactions.add(connection, [done]) > 0

    def forget(self, customer_id: str) -> Removed:
        """Erases a customer from every place in the store (`places.PLACES`), or resumes an interrupted erasure.

        Trained methods keep what they learned from the customer until they are trained again.

        Raises:
            InputError: the id is another id of a customer, who is named.
            UnknownCustomer: the store has no data of a customer with that id.
            StoreUnavailable: the store is read-only, or its index or history is in use.
        """
        self._require_writable()
        today = self.aliases().get(customer_id)
        if today is not None:  # erasing the customer under the other id cannot be undone, so it is not assumed
            raise InputError(
                f"{customer_id!r} is another id of the customer {today!r}; to delete everything of that customer: "
                f"churn-agent forget {shlex.quote(today)}; to delete only the data of {customer_id!r}, first: "
                f"churn-agent aliases split {shlex.quote(customer_id)}"
            )
        if not forgetting.is_known(self._site, customer_id):
            self.snapshot(customer_id)  # raises, and names similar ids
        return forgetting.forget(self._site, customer_id)

    # --- queries

    def corrections_in_force(self) -> list[Correction]:
        """Returns people's corrections of messages that say what they said when they were corrected, by number."""
        return [each for each in corrections.all_corrections(self.history) if each.in_force]

    def search(self, meaning: str, *, since: date | None = None, limit: int = 10) -> list[Hit]:
        """Returns messages of customers near in meaning, best first. Texts that are not indexed are not found.

        Raises:
            StoreUnavailable: the index is in use, or is for another embedder.
        """
        self._index.check(self.embedder)
        first_instant = self.card.end_of_day(since - timedelta(days=1)) if since else None
        vector = self.embedder.encode([meaning])[0].mean(axis=0)
        return nearest(self.history, self._index, vector, limit=limit, since=first_instant)

    def customers(self, containing: str = "") -> list[CustomerSummary]:
        """Returns customers whose id contains a text (case-insensitive), sorted by id."""
        part = containing.casefold()
        return [row for row in interactions.summaries(self.history) if part in row.customer_id.casefold()]

    def runs(self) -> list[Run]:
        """Returns all batches, the last updated first."""
        return run_log.all_runs(self.history)

    def run(self, name: str = run_log.NEWEST) -> Run:
        """Returns a batch by the start of its id; `latest` is the last updated one. Raises `InputError`."""
        return run_log.find(self.history, name)

    def statistics(self) -> BookStatistics:
        """Returns the statistics of the book. Raises `EmptyStore`."""
        of_book = statistics.of_book(self.history, self.card, self._word_channels())
        if of_book is None:
            raise EmptyStore
        return of_book

    def not_indexed(self) -> int:
        """Returns the number of messages that are not in the index."""
        return len(self.indexed_text_ids() - self._index.text_ids())

    def default_as_of(self) -> date:
        """Returns the day of the latest plausible interaction, and says once which ones were held back.

        Raises:
            EmptyStore: there are no interactions.
        """
        last = last_day(self.history, self.card)
        for note in last.notes:
            if note not in self._notified:
                self._notified.add(note)
                self._notify(note)
        return last.day

    def snapshot(self, customer_id: str | int, *, as_of: date | str | None = None) -> Snapshot:
        """Returns a customer at the end of a day.

        Args:
            customer_id: as in the data; a whole number is read as its digits.
            as_of: the day, in the book's time zone: a date, a time without a time zone, or ISO text. Default:
                `default_as_of`.

        Returns:
            The snapshot. With `as_of`, its interactions are without metadata that their source may have changed later
            (`afterwards.may_change`), such as `state` and `updated_at`; payments are as they were known on that day.

        Raises:
            InputError: `customer_id` or `as_of` is of another kind.
            UnknownCustomer, EmptyStore: there is no such history.
        """
        id_ = as_customer_id(customer_id)
        if as_of is None:
            return snapshots.take(self.history, id_, as_of=self.default_as_of())
        snapshot = snapshots.take(self.history, id_, as_of=as_day(as_of))
        card, day = snapshot.card, snapshot.as_of
        rows = tuple(
            replace(
                row,
                metadata={
                    **lasting(row.metadata),
                    **payments.known(row.metadata, card.local(row.occurred_at).date(), day),
                },
            )
            for row in snapshot.interactions
        )
        return replace(snapshot, interactions=rows)

    def with_vectors(self, snapshot: Snapshot) -> Snapshot:
        """Returns the snapshot with vectors for all its messages; unchanged if it has them."""
        if all(message.text_id in snapshot.vectors for message in snapshot.messages):
            return snapshot
        texts = {message.text_id: message.text for message in snapshot.messages}
        return replace(snapshot, vectors=self.vectors_of(texts))

    @cached_property
    def query_vectors(self) -> QueryVectors:
        """Vectors of the taxonomy's phrases, by kind."""
        vectors = self.vectors_of(self._phrases)
        return {
            kind: np.vstack([vectors[text_id(phrase)] for phrase in phrases])
            for kind, phrases in self.taxonomy.phrases.items()
        }

    def companies(self) -> frozenset[str]:
        """Returns the names of all companies in the book and of their competitors.

        It reads the attributes of all customers: call it once a run.
        """
        card = self.card
        attribute = card.company_attribute
        return frozenset({*card.competitors, *(book.values_of(self.history, attribute) if attribute else ())})

    def close(self) -> None:
        """Closes the index and the database."""
        if "_index" in self.__dict__:
            self._index.close()
        if self._copy is not None:
            self._copy.cleanup()
        if "history" in self.__dict__:
            self.history.dispose()

    # --- parts

    def _require_writable(self) -> None:
        if is_read_only(self.settings.store):
            raise StoreUnavailable(
                f"the store {str(self.settings.store)!r} is read-only; copy it to a folder where you can write, and "
                "name that with --store"
            )

    @property
    def _site(self) -> Site:
        return Site(self.settings.store, self.history, self._index, self._notify)

    @cached_property
    def _phrases(self) -> dict[str, str]:
        """The taxonomy's phrases by text id; the index stores them beside the history's texts."""
        return {text_id(phrase): phrase for phrases in self.taxonomy.phrases.values() for phrase in phrases}

    def vectors_of(self, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
        """Returns vectors of texts by id. Embeds missing ones, and adds them unless another process uses the index."""
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
                if self._index.manifest is None:
                    self._index.create(self.embedder)
                self._index.add(new.items())
        return known


def _sources(given: object, options: ImportOptions) -> Sources:
    sources = find_sources(
        cast("Sequence[object]", given) if isinstance(given, list | tuple) else [given],
        customers=options.customers,
        labels=options.labels,
        measurements=options.measurements,
        aliases=options.aliases,
        card=options.card,
        mapping=Path(options.mapping) if options.mapping else None,
        query=options.query,
    )
    return replace(sources, card=None) if options.keep_card else sources
