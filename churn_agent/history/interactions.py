"""Adds and reads interactions."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple

from more_itertools import chunked
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    Table,
    bindparam,
    exists,
    func,
    or_,
    select,
    type_coerce,
    union,
)
from sqlalchemy.types import NullType

from churn_agent.domain import payments
from churn_agent.domain.interactions import RECORD_CHANNELS, UPDATED_AT, Interaction, Mark, text_id
from churn_agent.history import measurements
from churn_agent.history.database import binders, from_stored, insert_if_new, insert_many, to_stored
from churn_agent.history.likeness import records_like, without_joined_subject
from churn_agent.history.tables import identities, versions
from churn_agent.history.tables import interactions as table
from churn_agent.history.wording import share_of_words, words_of, written

_BATCH = 500
_INSERTED = 2000
_ROOM = 10**10
"""Positions for the rows of one import."""
_SAME_WORDS = 0.5
"""Share of common words from which a record with another customer or on another day is the same one, corrected."""


class CustomerSummary(NamedTuple):
    """Size and span of a customer's history."""

    customer_id: str
    interactions: int
    """Number of interactions."""
    first: datetime
    """Time of the first interaction, in UTC."""
    last: datetime
    """Time of the last interaction, in UTC."""


Arrival = tuple[str, int, tuple[Any, ...]]
"""A row of an import: its id, its place in the import from 0 (rows of one time keep this order), and its values in the
order of `VALUES`. Rows are plain tuples, because an import makes millions of them."""


@dataclass
class Synced:
    """The result of an import's rows."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    """Number of rows that are older than their records; they change nothing."""
    replaced: set[int] = field(default_factory=set[int])
    """Imports of which values were replaced by rows that do not say when they were changed."""
    recognised: set[str] = field(default_factory=set[str])
    """Ids of records that a row has in another form (`likeness`)."""


class KeyConflict(Exception):
    """Two records with one key cannot be the same one: most of their words differ, and their customers or days do."""

    def __init__(self, new: Interaction, stored: Interaction, import_id: int | None) -> None:
        """Creates the error.

        Args:
            new: the row of the import.
            stored: the stored record.
            import_id: the import that brought the stored record.
        """
        self.new, self.stored, self.import_id = new, stored, import_id


def add(connection: Connection, rows: Iterable[Interaction]) -> int:
    """Stores new interactions, outside of imports, in the caller's transaction. Returns the number of new ones."""
    synced = Synced()
    sync(connection, ((row.id, n, _values(row)) for n, row in enumerate(rows)), None, synced)
    return synced.added


def sync(
    connection: Connection,
    arrivals: Iterable[Arrival],
    import_id: int | None,
    synced: Synced,
    known: set[int] | None = None,
    replaces: int | None = None,
    first: int = 0,
) -> None:
    """Stores the rows of an import in the caller's transaction.

    A row whose key is stored, or else whose id is, or else that is stored in another form, updates that record. The
    values before are kept by import (`versions`), so that the import can be undone.

    Args:
        connection: connection in a transaction.
        arrivals: the rows of one source.
        import_id: the import; None for rows that are not part of one.
        synced: counts, which are increased.
        known: what `bulk_loading` yields: hashes of all ids and keys in the table, to which those of the rows are
            added; without it they are looked up.
        replaces: the import of the same files with another mapping that this one corrects.
        first: the place of the source's first row in the import.

    Raises:
        KeyConflict: a key is that of a record with other words and another customer or day.
    """
    renamed = _has_rows(connection, identities)
    processes = zip(range(len(VALUES)), VALUES, binders(connection, table, VALUES), strict=True)
    bind = [(at, process, process(_EMPTY.get(name))) for at, name, process in processes if process]
    begin = (import_id or 0) * _ROOM
    for batch in chunked(arrivals, _INSERTED):
        new = {_key_of(arrival): arrival for arrival in batch}
        synced.unchanged += len(batch) - len(new)
        rows = list(new.values())
        maybe = rows if known is None else _known(new, known)
        stored = _stored(connection, maybe, renamed=renamed)
        if known is None and import_id is not None:
            stored |= _in_another_form(connection, new, stored, import_id, begin + first, synced)
        ids, positions, values = zip(*rows, strict=True)
        columns: list[Sequence[Any]] = list(zip(*values, strict=True))
        for at, process, empty in bind:
            columns[at] = [process(value) if value or value == 0 else empty for value in columns[at]]
        numbers = [begin + position for position in positions]
        if not stored:
            _insert(connection, zip(ids, repeat(import_id), numbers, *columns, strict=False), synced)
            continue
        taken = {row.id for row in stored.values()}
        inserted: list[tuple[Any, ...]] = []
        repeated: list[dict[str, Any]] = []
        changed: dict[str, Arrival] = {}
        for (key, arrival), number, bound in zip(new.items(), numbers, zip(*columns, strict=True), strict=True):
            row = stored.get(key)
            if row is None:
                id_, source_key = arrival[0], arrival[2][_KEY]
                if source_key and id_ in taken:
                    id_ = hashlib.sha256(source_key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
                inserted.append((id_, import_id, number, *bound))
            elif bound == tuple(row[len(_NOT_VALUES) :]):
                synced.unchanged += 1
                if row.import_id != import_id:
                    repeated.append({"interaction_id": row.id, "import_id": import_id or 0, "row": None})
            else:
                changed[row.id] = arrival
        _insert(connection, inserted, synced)
        if repeated:
            connection.execute(insert_if_new(connection, versions), repeated)
        _change(connection, changed, import_id, synced, replaces)


def _insert(connection: Connection, rows: Iterable[tuple[Any, ...]], synced: Synced) -> None:
    rows = list(rows)
    if rows:
        insert_many(connection, table, _COLUMNS, rows)
        synced.added += len(rows)


def _change(
    connection: Connection,
    changed: Mapping[str, Arrival],
    import_id: int | None,
    synced: Synced,
    replaces: int | None,
) -> None:
    """Updates records, by their ids."""
    rows = {row["id"]: row for row in _rows(connection, select(table), table.c.id, list(changed))}
    replaced: list[dict[str, Any]] = []
    earlier: list[dict[str, Any]] = []
    for id_, arrival in changed.items():
        row = rows[id_]
        values = dict(zip(VALUES, arrival[2], strict=True))
        before = {name: row[name] for name in values}
        if values["key"] is None:  # a file without keys does not take them away
            values["key"] = before["key"]
        corrected = replaces is not None and row["import_id"] == replaces
        other_import = row["import_id"] != import_id
        own: dict[str, Any] | None = None
        if not corrected:
            brought, values = values, settled(values, before)
            hidden = differing(to_json(brought), to_json(values)) if brought != values else {}
            own = {OWN: hidden} if hidden else None
            synced.outdated += is_outdated(brought, before)
        if before == values:
            synced.unchanged += 1
            if other_import:
                earlier.append({"interaction_id": id_, "import_id": import_id or 0, "row": own})
            continue
        if not corrected:  # a corrected mapping may change everything
            _check_key(values, row, arrival[0])
        synced.updated += 1
        if other_import:
            known = _own_of(connection, id_, row["import_id"] or 0)
            earlier.append({"interaction_id": id_, "import_id": row["import_id"] or 0, "row": to_json(before) | known})
            if own:
                earlier.append({"interaction_id": id_, "import_id": import_id or 0, "row": own})
            if UPDATED_AT not in values["metadata"]:
                synced.replaced.add(row["import_id"] or 0)
        replaced.append(values | {"_id": id_, "_import_id": import_id})
    if earlier:
        connection.execute(insert_if_new(connection, versions), earlier)
    if replaced:
        update = table.update().where(table.c.id == bindparam("_id"))
        changes: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in VALUES}
        changes["import_id"] = bindparam("_import_id")
        connection.execute(update.values(**changes), replaced)


def is_outdated(new: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a record has changed in the source since a row was exported, by the times of their last changes."""
    at, stored_at = (values["metadata"].get(UPDATED_AT, "") for values in (new, before))
    return bool(at) and at < stored_at


def settled(new: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a record that a row of a later import has, too.

    Args:
        new: the values of the row.
        before: those of the record, which stay if they are newer (`is_outdated`). Its text stays if it is the same
            without the subject: then an earlier import knew more of the thread.
    """
    if is_outdated(new, before):
        return dict(before)
    if written(new) != written(before) == without_joined_subject(new):
        return {**new, **{name: before[name] for name in _OF_TEXT}}
    return dict(new)


def differing(brought: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a row that did not become those of its record. Both are as `to_json` returns them."""
    return {name: value for name, value in brought.items() if value != values[name]}


def _own_of(connection: Connection, id_: str, import_id: int) -> dict[str, Any]:
    """Removes the version with only the values that an import added in vain, as it gets values. Returns it."""
    at = versions.c.interaction_id == id_, versions.c.import_id == import_id
    row: Mapping[str, Any] = connection.scalar(select(versions.c.row).where(*at)) or {}
    if row:
        connection.execute(versions.delete().where(*at))
    return {OWN: row[OWN]} if row else {}


def _key_of(arrival: Arrival) -> str:
    key = arrival[2][_KEY]
    return f"key {key}" if key else arrival[0]


def _known(rows: Mapping[str, Arrival], known: set[int]) -> list[Arrival]:
    """Returns the rows that may be stored, by `_key_of`: their id or key is known. All are known from now on."""
    ids = [hash(arrival[0]) for arrival in rows.values()]
    keys = list(map(hash, rows))
    maybe = [
        arrival for id_, key, arrival in zip(ids, keys, rows.values(), strict=True) if id_ in known or key in known
    ]
    known.update(ids, keys)
    return maybe


def _stored(connection: Connection, rows: Sequence[Arrival], *, renamed: bool) -> dict[str, Any]:
    """Returns the stored row of each row that is stored, by `_key_of`, with values as the driver returns them."""
    ids = {id_: id_ for id_, _, _ in rows}
    if renamed:
        moved = _rows(connection, select(identities), identities.c.identity, list(ids))
        ids.update({row["identity"]: row["interaction_id"] for row in moved})
    keys = [key for _, _, values in rows if (key := values[_KEY])]
    by_key = {row.key: row for row in _raw(connection, table.c.key, keys)}
    by_id = {row.id: row for row in _raw(connection, table.c.id, list(ids.values()))}
    stored: dict[str, Any] = {}
    for arrival in rows:
        id_, key = arrival[0], arrival[2][_KEY]
        same = by_key.get(key) if key else None
        if same is None:
            same = by_id.get(ids[id_])
            if same is not None and key and same.key and same.key != key:
                stored[f"other {id_}"] = same  # another record with this content: `sync` chooses another id
                continue
        if same is not None:
            stored[_key_of(arrival)] = same
    return stored


def _in_another_form(
    connection: Connection,
    rows: Mapping[str, Arrival],
    stored: Mapping[str, Any],
    import_id: int,
    first_position: int,
    synced: Synced,
) -> dict[str, Any]:
    """Returns more of `_stored`: the records that have other ids than the rows."""
    left = {
        key: dict(zip(VALUES, arrival[2], strict=True))
        for key, arrival in rows.items()
        if key not in stored and f"other {arrival[0]}" not in stored
    }
    taken = synced.recognised.union(row.id for row in stored.values())
    alike = records_like(connection, left, taken, import_id, first_position)
    synced.recognised.update(alike.values())
    by_id = {row.id: row for row in _raw(connection, table.c.id, list(alike.values()))}
    return {key: by_id[id_] for key, id_ in alike.items()}


def _rows(connection: Connection, query: Any, column: ColumnElement[Any], values: Sequence[str]) -> Iterator[Any]:
    """Yields the rows of a query that have one of the values in a column."""
    for batch in chunked(values, _BATCH):
        yield from connection.execute(query.where(column.in_(batch))).mappings()


def _raw(connection: Connection, column: ColumnElement[Any], values: Sequence[str]) -> Iterator[Any]:
    for batch in chunked(values, _BATCH):
        yield from connection.execute(_AS_STORED.where(column.in_(batch)))


def _check_key(new: Mapping[str, Any], stored: Mapping[str, Any], id_: str) -> None:
    """Raises `KeyConflict` if a stored record with the same key cannot be the same one.

    Args:
        new: values of the row of the import.
        stored: row of the table.
        id_: id of the row of the import.
    """
    if not new["key"] or stored["key"] != new["key"] or written(new) in (written(stored), stored["text"]):
        return
    other_time = stored["occurred_at"] != new["occurred_at"]
    other_day = stored["occurred_at"].date() != new["occurred_at"].date()
    # The state of an order is one word, and changes with its date. A text that is emptied has no words.
    people_write = new["channel"].casefold() not in RECORD_CHANNELS and bool(words_of(written(new)))
    if stored["customer_id"] != new["customer_id"] or (other_day and people_write):
        conflict = share_of_words(written(new), written(stored)) < _SAME_WORDS
    else:
        conflict = stored["channel"] != new["channel"] and other_time and bool(new["text"])
    if conflict:
        raise KeyConflict(_from_row({"id": id_} | dict(new)), _from_row(stored), stored["import_id"])


def _has_rows(connection: Connection, of: Table) -> bool:
    return bool(connection.scalar(select(exists().select_from(of))))


@contextmanager
def bulk_loading(connection: Connection) -> Generator[set[int] | None]:
    """Builds the indexes of an empty table after its rows are inserted, which is about twice as fast.

    Yields:
        For an empty table, the place for what `sync` stores in it; None for another one.
    """
    empty = not _has_rows(connection, table)
    later = [index for index in table.indexes if index.name != "interactions_by_key"] if empty else []
    for index in later:
        index.drop(connection)
    yield set() if empty else None
    for index in later:
        index.create(connection)


def of_customer(engine: Engine, customer_id: str, *, until: datetime) -> tuple[Interaction, ...]:
    """Returns a customer's interactions up to `until` (aware, inclusive), oldest first."""
    query = (
        select(table)
        .where(table.c.customer_id == customer_id, table.c.occurred_at <= to_stored(until))
        .order_by(table.c.occurred_at, table.c.position, table.c.id)
    )
    with engine.connect() as connection:
        return tuple(_from_row(row) for row in connection.execute(query).mappings())


def with_texts(engine: Engine, text_ids: Sequence[str], *, since: datetime | None = None) -> list[Interaction]:
    """Returns the interactions of all customers with one of the texts, from `since` on."""
    rows: list[Interaction] = []
    with engine.connect() as connection:
        for batch in chunked(text_ids, _BATCH):
            query = select(table).where(table.c.text_id.in_(batch))
            if since is not None:
                query = query.where(table.c.occurred_at >= to_stored(since))
            rows += [_from_row(row) for row in connection.execute(query).mappings()]
    return rows


def one(engine: Engine, interaction_id: str) -> Interaction | None:
    """Returns an interaction by its id; None if there is none."""
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.id == interaction_id)).mappings().first()
    return _from_row(row) if row else None


def last_of_imports(connection: Connection, import_ids: Collection[int]) -> dict[int, datetime]:
    """Returns import -> time of the last interaction that has its values."""
    query = select(table.c.import_id, func.max(table.c.occurred_at)).where(table.c.import_id.in_(import_ids))
    return {of: from_stored(last) for of, last in connection.execute(query.group_by(table.c.import_id))}


def with_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Returns the keys that stored records have."""
    return {row.key for row in _raw(connection, table.c.key, keys)}


def existing(engine: Engine, ids: Collection[str]) -> set[str]:
    """Returns the ids that are stored."""
    stored: set[str] = set()
    with engine.connect() as connection:
        for batch in chunked(ids, _BATCH):
            stored.update(connection.scalars(select(table.c.id).where(table.c.id.in_(batch))))
    return stored


def active_customers(engine: Engine, channels: Collection[str], *, after: datetime, until: datetime) -> set[str]:
    """Returns customers with an interaction in the channels after one time and up to another."""
    query = select(table.c.customer_id).where(table.c.channel.in_(channels), *_between(after, until)).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def with_metadata(engine: Engine, names: Collection[str], *, after: datetime, until: datetime) -> list[Interaction]:
    """Returns interactions after one time and up to another whose metadata contain one of the names."""
    query = select(table).where(_has_metadata(names), *_between(after, until)).order_by(table.c.occurred_at)
    with engine.connect() as connection:
        return [_from_row(row) for row in connection.execute(query).mappings()]


def any_metadata(engine: Engine, names: Collection[str]) -> bool:
    """Whether any interaction's metadata contain one of the names."""
    with engine.connect() as connection:
        return bool(connection.scalar(select(exists().select_from(table).where(_has_metadata(names)))))


def _between(after: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return table.c.occurred_at > to_stored(after), table.c.occurred_at <= to_stored(until)


def _has_metadata(names: Collection[str]) -> ColumnElement[bool]:
    return or_(*(table.c.metadata[name].as_string().is_not(None) for name in names))


def count(engine: Engine) -> int:
    """Number of interactions stored."""
    with engine.connect() as connection:
        return _count(connection)


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def span(engine: Engine) -> tuple[datetime, datetime] | None:
    """Returns the times of the first and last interaction; None in an empty store."""
    with engine.connect() as connection:  # separate queries, because each reads only one end of an index
        first = connection.scalar(select(func.min(table.c.occurred_at)))
        last = connection.scalar(select(func.max(table.c.occurred_at)))
    return (from_stored(first), from_stored(last)) if first and last else None


def customer_ids(engine: Engine, *, until: datetime | None = None) -> list[str]:
    """Returns the customers with an interaction or a measurement (up to `until`), sorted."""
    acted = select(table.c.customer_id)
    if until is not None:
        acted = acted.where(table.c.occurred_at <= to_stored(until))
    with engine.connect() as connection:
        return sorted(connection.scalars(union(acted, measurements.customer_ids(until))))


def known_customers(connection: Connection) -> set[str]:
    """Returns the ids of all customers with an interaction."""
    return set(connection.scalars(select(table.c.customer_id).distinct()))


def messages(engine: Engine, *, until: datetime, holds_words: Callable[[str], bool]) -> dict[str, int]:
    """Returns customer -> number of the customer's texts up to a time.

    Args:
        engine: database of the history.
        until: end, inclusive.
        holds_words: whether a channel holds texts by people.
    """
    by_customer = or_(table.c.speaker == "customer", table.c.speaker.is_(None) & (table.c.direction != "outbound"))
    query = (
        select(table.c.customer_id, table.c.channel, func.count())
        .where(by_customer, table.c.text != "", table.c.occurred_at <= to_stored(until))
        .group_by(table.c.customer_id, table.c.channel)
    )
    texts: Counter[str] = Counter()
    with engine.connect() as connection:
        for customer_id, channel, n in connection.execute(query):
            texts[customer_id] += n if holds_words(channel) else 0
    return dict(texts)


def summaries(engine: Engine) -> list[CustomerSummary]:
    """Returns a summary of every customer with an interaction, sorted by id."""
    query = (
        select(table.c.customer_id, func.count(), func.min(table.c.occurred_at), func.max(table.c.occurred_at))
        .group_by(table.c.customer_id)
        .order_by(table.c.customer_id)
    )
    with engine.connect() as connection:
        return [
            CustomerSummary(id_, n, from_stored(first), from_stored(last))
            for id_, n, first, last in connection.execute(query)
        ]


def latest(engine: Engine, *, until: datetime) -> dict[str, datetime]:
    """Returns customer -> time of the last interaction up to `until`."""
    query = (
        select(table.c.customer_id, func.max(table.c.occurred_at))
        .where(table.c.occurred_at <= to_stored(until))
        .group_by(table.c.customer_id)
    )
    with engine.connect() as connection:
        return {customer_id: from_stored(last) for customer_id, last in connection.execute(query)}


def amounts(
    engine: Engine, *, after: datetime, until: datetime, currency: str = ""
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Returns customer -> sum of amounts after one time and up to another, for customers with any.

    Amounts that did not come in (failed, returned, written off, credited, cancelled) do not count; open bills do.
    Amounts in other currencies are returned apart: customer -> currency -> sum.

    Args:
        engine: database of the history.
        after: start, exclusive.
        until: end, inclusive.
        currency: the amounts of which currency count, beside those without one. If there are none in it, the most
            frequent one. Amounts in different currencies are never added up.
    """
    of_row = func.coalesce(table.c.metadata["currency"].as_string(), "")
    status = func.coalesce(table.c.metadata[payments.STATUS].as_string(), "")
    query = (
        select(table.c.customer_id, of_row, func.sum(table.c.amount), func.count())
        .where(table.c.amount.is_not(None), status.not_in(payments.UNCOLLECTED), *_between(after, until))
        .group_by(table.c.customer_id, of_row)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    counts: Counter[str] = Counter()
    for _, name, _, n in rows:
        counts[name] += n if name else 0
    main = currency if counts[currency] else max(counts, key=lambda name: (counts[name], name), default="")
    sums: dict[str, float] = {}
    others: dict[str, dict[str, float]] = {}
    for customer_id, name, total, _ in rows:
        if name in ("", main):
            sums[customer_id] = sums.get(customer_id, 0.0) + float(total)
        else:
            others.setdefault(customer_id, {})[name] = float(total)
    return sums, others


def texts_by_id(engine: Engine, ids: Sequence[str]) -> dict[str, str]:
    """Returns the texts by id."""
    texts: dict[str, str] = {}
    with engine.connect() as connection:
        for batch in chunked(ids, _BATCH):
            query = select(table.c.text_id, table.c.text).where(table.c.text_id.in_(batch))
            texts.update({row.text_id: row.text for row in connection.execute(query)})
    return texts


def channels(engine: Engine) -> list[str]:
    """Returns all channels in the history."""
    with engine.connect() as connection:
        return list(connection.scalars(select(table.c.channel).distinct()))


def all_text_ids(engine: Engine) -> set[str]:
    """Returns the ids of all texts."""
    with engine.connect() as connection:
        return set(connection.scalars(select(table.c.text_id).distinct()))


def text_ids(engine: Engine, *, channels: Sequence[str]) -> set[str]:
    """Returns the ids of all distinct, non-blank texts by customers in the channels."""
    customers = table.c.speaker.in_(("customer", "unknown"))
    conditions = (table.c.channel.in_(channels), customers, func.trim(table.c.text) != "")
    query = select(table.c.text_id).where(*conditions).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))


def _values(row: Interaction) -> tuple[Any, ...]:
    """Returns the values of a row in the order of `VALUES`."""
    return (
        row.customer_id, to_stored(row.occurred_at), row.utc_offset_minutes, row.channel, row.direction, row.author,
        row.text, text_id(row.text), row.amount, dict(row.metadata), row.original, row.language, row.speaker, row.key,
        [list(mark) for mark in row.marks] or None, None,
    )  # fmt: skip


def interaction_of(arrival: Arrival) -> Interaction:
    """Returns the interaction that a row of an import is."""
    return _from_row({"id": arrival[0]} | dict(zip(VALUES, arrival[2], strict=True)))


_NOT_VALUES = ("id", "import_id", "position")
VALUES: tuple[str, ...] = (
    "customer_id", "occurred_at", "utc_offset_minutes", "channel", "direction", "author", "text", "text_id", "amount",
    "metadata", "original", "language", "speaker", "key", "marks", "source_customer_id",
)  # fmt: skip
"""Columns that imports may change. Times are UTC without an offset, and marks are lists; `source_customer_id` is the
customer in the source, if that id is an alias."""
_KEY = VALUES.index("key")
_OF_TEXT = ("text", "text_id", "original", "language", "marks")
OWN = "own"
"""In a version of an import: columns as the import brought them, where those of an earlier one stayed (`settled`)."""
_EMPTY: Mapping[str, Any] = {"metadata": {}}
"""Values for "none" other than None."""
_COLUMNS = (*_NOT_VALUES, *VALUES)
_AS_STORED = select(*(type_coerce(table.c[name], NullType()).label(name) for name in _COLUMNS))
"""The columns as the driver returns them, which saves the work of converting them."""
_NOT_SHOWN = ("text_id", "import_id", "position", "source_customer_id")


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a row for a JSON column; `from_json` is the inverse."""
    return dict(values) | {"occurred_at": values["occurred_at"].isoformat()}


def from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a row from a JSON column."""
    return dict(values) | {"occurred_at": datetime.fromisoformat(values["occurred_at"])}


def _from_row(row: Any) -> Interaction:
    values: dict[str, Any] = {name: value for name, value in row.items() if name not in _NOT_SHOWN}
    values["occurred_at"] = from_stored(row["occurred_at"])
    values["marks"] = tuple(Mark(*mark) for mark in row["marks"] or ())
    return Interaction(**values)
