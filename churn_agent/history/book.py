"""Data besides interactions: the card of the book, attributes of customers, labels.

What each import brought is kept (`contributions`), and the tables of cards, attributes and labels are merged from it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from more_itertools import chunked
from sqlalchemy import Connection, Engine, Select, func, or_, select

from churn_agent.domain import sensitive
from churn_agent.domain.interactions import DATED_BY, Label
from churn_agent.domain.snapshot import Card
from churn_agent.errors import InputError
from churn_agent.history import aliases, combining
from churn_agent.history.known import is_known, rows_known
from churn_agent.history.tables import book, contributions, customers, imports, labels

ATTRIBUTES = "attributes"
_CARD, _LABEL, _ALIAS = "card", "label", aliases.KIND
"""Kinds of contributions."""
_OUTCOME = ("left_on", "notice_on", "kind", "amount", "voluntary")
_BATCH = 500
_HALVES = re.compile(r"[\ud800-\udfff]")
"""Halves of characters, which the database refuses with its own message."""


def card(engine: Engine) -> Card | None:
    """Returns the card of the book; None if there is none."""
    with engine.connect() as connection:
        return _stored_card(connection)


def card_in(connection: Connection) -> Card:
    """Returns the card of the book in a transaction; a default one if there is none."""
    return _stored_card(connection) or Card()


def _stored_card(connection: Connection) -> Card | None:
    stored = connection.scalar(select(book.c.value).where(book.c.key == _CARD))
    return None if stored is None else Card.model_validate(stored)


def set_card(connection: Connection, new: Card, *, import_id: int | None = None) -> None:
    """Replaces the card of the book."""
    value = new.model_dump(mode="json")
    if import_id is None and connection.scalar(select(book.c.value).where(book.c.key == _CARD)) == value:
        return
    connection.execute(contributions.insert().values(import_id=import_id, kind=_CARD, content=value))
    _replace_card(connection, value)


def _replace_card(connection: Connection, value: Mapping[str, Any] | None) -> None:
    before = card_in(connection)
    connection.execute(book.delete().where(book.c.key == _CARD))
    if value is not None:
        connection.execute(book.insert().values(key=_CARD, value=dict(value)))
    after = card_in(connection)
    if (after.combine, after.time_zone) != (before.combine, before.time_zone):
        described = select(contributions.c.customer_id).where(contributions.c.kind == ATTRIBUTES).distinct()
        merge_attributes(connection, connection.scalars(described).all())


def attributes(
    engine: Engine, customer_id: str, *, known_at: date | None = None, as_of: date | None = None
) -> Mapping[str, str]:
    """Returns the attributes of a customer; empty if none are stored.

    Args:
        engine: database of the history.
        customer_id: the customer.
        known_at: leave out values that were not known at the end of this day.
        as_of: day after which the next renewal is wanted, if several contracts have one; the last row counts without.
    """
    with engine.connect() as connection:
        of_book = card_in(connection)
        rows = contributed(connection, [customer_id, *aliases.of(connection, customer_id)])
        if known_at is not None:
            rows = rows_known(connection, rows, known_at, of_book)
        return combining.merged(rows, of_book, as_of)


def contributed(connection: Connection, ids: Collection[str]) -> Sequence[Any]:
    """Returns what all imports say about customers, with the time of each (`started_at`), in the order of arrival."""
    return connection.execute(_contributed().where(contributions.c.customer_id.in_(ids))).all()


def _contributed() -> Select[Any]:
    return (
        select(contributions, imports.c.started_at)
        .outerjoin(imports, imports.c.id == contributions.c.import_id)
        .where(contributions.c.kind == ATTRIBUTES)
        .order_by(contributions.c.id)
    )


def undated_attributes(engine: Engine, *, after: date) -> list[str]:
    """Returns the names of attributes with values that were not known at the end of a day, sorted.

    Those are values without their own day (`known_from`) from later imports.

    Args:
        engine: database of the history.
        after: the day.
    """
    with engine.connect() as connection:
        of_book = card_in(connection)
        query = _contributed().where(contributions.c.known_from.is_(None))
        rows = [row for row in connection.execute(query) if not is_known(row, after, of_book, lambda: date.max)]
        return sorted({name for row in rows for name in row.content})


def described(engine: Engine) -> set[str]:
    """Returns the ids of customers of whom any attribute was imported."""
    with engine.connect() as connection:
        return set(connection.scalars(select(customers.c.customer_id)))


def all_attributes(engine: Engine, *, as_of: date | None = None) -> dict[str, Mapping[str, str]]:
    """Returns customer -> attributes, for customers with any, without sensitive ones that the card does not list.

    Args:
        engine: database of the history.
        as_of: day after which the next renewal is wanted, as for `attributes`.
    """
    of_book = card(engine) or Card()
    with engine.connect() as connection:
        rows = connection.execute(select(customers)).all()
        renewals = _renewals(connection, of_book, as_of) if as_of else {}
        return {
            row.customer_id: sensitive.usable({**row.attributes, **renewals.get(row.customer_id, {})}, of_book)
            for row in rows
        }


def _renewals(connection: Connection, of_book: Card, as_of: date) -> dict[str, dict[str, str]]:
    """Returns customer -> attribute and day of the next renewal, for customers with several rows that have one."""
    name = of_book.renewal_attribute
    if name in of_book.combine:
        return {}
    today = aliases.read(connection)
    rows: dict[str, list[Any]] = {}
    for row in connection.execute(_contributed().where(contributions.c.content[name].as_string().is_not(None))):
        customer_id: str = row.customer_id
        rows.setdefault(today.get(customer_id, customer_id), []).append(row)
    several = {customer_id: of for customer_id, of in rows.items() if len(of) > 1}
    return {customer_id: {name: combining.merged(of, of_book, as_of)[name]} for customer_id, of in several.items()}


def values_of(engine: Engine, attribute: str) -> set[str]:
    """Returns the distinct values of an attribute, without empty ones."""
    query = select(customers.c.attributes[attribute].as_string()).distinct()
    with engine.connect() as connection:
        return {value for value in connection.scalars(query) if value}


class Attributes(NamedTuple):
    """Attributes of a customer from one row of a source."""

    customer_id: str
    values: Mapping[str, str]
    known_from: date | None = None
    """Day from which the values were known; None for that of the import, or for always if there is no import."""
    original: Mapping[str, str] | None = None
    """The texts in the source, where they differ from the values."""


def set_attributes(connection: Connection, rows: Iterable[Attributes], *, import_id: int | None = None) -> int:
    """Adds attributes of customers and overwrites those of the same name. Returns the number of customers."""
    done: set[str] = set()
    for batch in chunked((Attributes(*row) for row in rows), _BATCH):
        values = [
            {
                "import_id": import_id,
                "kind": ATTRIBUTES,
                "customer_id": row.customer_id,
                "known_from": row.known_from,
                "content": dict(row.values),
                "original": dict(row.original) if row.original else None,
            }
            for row in batch
        ]
        connection.execute(contributions.insert(), values)
        done.update(row.customer_id for row in batch)
    merge_attributes(connection, done)
    return len(done)


def merge_attributes(connection: Connection, customer_ids: Collection[str]) -> None:
    """Merges the attributes of customers from all imports; the value of each that is known last counts."""
    of_book = card_in(connection)
    for batch in chunked(aliases.families(connection, customer_ids).items(), _BATCH):
        today = {id_: customer_id for customer_id, ids in batch for id_ in ids}
        values: dict[str, list[Any]] = {}
        for row in contributed(connection, today):
            values.setdefault(today[row.customer_id], []).append(row)
        connection.execute(customers.delete().where(customers.c.customer_id.in_(today)))
        if values:
            rows = [
                {"customer_id": id_, "attributes": combining.merged(parts, of_book)} for id_, parts in values.items()
            ]
            connection.execute(customers.insert(), rows)


class Several(NamedTuple):
    """An attribute that differs between rows of one customer."""

    customers: int
    """Number of such customers."""
    ways: tuple[str, ...]
    """Ways to combine its values, besides the latest: for numbers and days."""


def several_rows(connection: Connection, import_id: int) -> dict[str, Several]:
    """Returns the attributes in which rows of an import for one customer differ, without another date.

    Attributes that the card combines, and the renewal, of which the next one counts, are not among them.
    """
    mine = contributions.c.import_id == import_id, contributions.c.kind == ATTRIBUTES
    repeated = select(contributions.c.customer_id).where(*mine).group_by(contributions.c.customer_id)
    repeated = repeated.having(func.count() > 1).subquery()
    query = select(contributions).where(*mine, contributions.c.customer_id.in_(select(repeated)))
    rows: dict[tuple[str, date | None], list[Mapping[str, str]]] = {}
    for row in connection.execute(query):
        rows.setdefault((row.customer_id, row.known_from), []).append(row.content)
    of_book = card_in(connection)
    combine = {*of_book.combine, of_book.renewal_attribute}
    customers_of: dict[str, set[str]] = {}
    values_of: dict[str, set[str]] = {}
    for (customer_id, _), contents in rows.items():
        for name in combining.differing(contents):
            if name not in combine:
                customers_of.setdefault(name, set()).add(customer_id)
                values_of.setdefault(name, set()).update(content[name] for content in contents if name in content)
    return {name: Several(len(ids), combining.ways(values_of[name])) for name, ids in customers_of.items()}


def add_labels(connection: Connection, rows: Iterable[Label], *, import_id: int | None = None) -> int:
    """Stores labels, replacing those for the same customer and date. Returns the number of labels."""
    done: set[tuple[str, str]] = set()
    for batch in chunked(rows, _BATCH):
        values = [
            {
                "import_id": import_id,
                "kind": _LABEL,
                "customer_id": row.customer_id,
                "as_of": date.fromisoformat(row.as_of),
                "content": _label_content(row),
            }
            for row in batch
        ]
        connection.execute(contributions.insert(), values)
        done.update((row.customer_id, row.as_of) for row in batch)
    merge_labels(connection, {customer_id for customer_id, _ in done})
    return len(done)


def customers_of(connection: Connection, import_id: int, kind: str) -> set[str]:
    """Returns the customers whose `attributes` or `label`s came with an import, under the ids that count today."""
    mine = contributions.c.import_id == import_id, contributions.c.kind == kind
    today = aliases.read(connection)
    ids = connection.scalars(select(contributions.c.customer_id).where(*mine).distinct())
    return {today.get(id_) or id_ for id_ in ids if id_}


def merge_labels(connection: Connection, customer_ids: Collection[str]) -> None:
    """Takes the labels of customers from all imports; the last one for a date counts."""
    for batch in chunked(aliases.families(connection, customer_ids).items(), _BATCH):
        today = {id_: customer_id for customer_id, ids in batch for id_ in ids}
        query = (
            select(
                contributions.c.customer_id, contributions.c.as_of, contributions.c.import_id, contributions.c.content
            )
            .where(contributions.c.kind == _LABEL, contributions.c.customer_id.in_(today))
            .order_by(contributions.c.id)
        )
        known = connection.execute(query).all()
        # A corrected list of leavers may date a label anew; the one before it is the same outcome.
        dated = {today[row.customer_id]: row.import_id for row in known if _is_dated_by_leaving(row)}
        rows = {
            (today[row.customer_id], row.as_of): row.content
            for row in known
            if not _is_dated_by_leaving(row) or row.import_id == dated[today[row.customer_id]]
        }
        connection.execute(labels.delete().where(labels.c.customer_id.in_(today)))
        if rows:
            new = [{"customer_id": id_, "as_of": day, **_label_row(values)} for (id_, day), values in rows.items()]
            connection.execute(labels.insert(), new)


def _is_dated_by_leaving(row: Any) -> bool:
    return DATED_BY in (row.content.get("metadata") or {})


def _label_content(label: Label) -> dict[str, Any]:
    content = {name: getattr(label, name) for name in _OUTCOME if getattr(label, name) is not None}
    return content | {"churned": label.churned, "horizon_days": label.horizon_days, "metadata": dict(label.metadata)}


def _label_row(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of a label; those imported by earlier versions have no dates and kinds."""
    days = {name: date.fromisoformat(content[name]) for name in ("left_on", "notice_on") if content.get(name)}
    return dict.fromkeys(_OUTCOME) | dict(content) | days


def merge_customers(connection: Connection, old: str, new: str) -> int:
    """Makes `old` another id of the customer `new`, as a person says. Returns the interactions moved.

    If `old` was another id of some other customer, its rows leave that customer.

    Raises:
        InputError: the ids already refer to the same customer, or one of them is blank or cannot be printed.
    """
    for id_ in (old, new):
        if not id_.strip() or not _HALVES.sub("", id_).isprintable():
            raise InputError(f"{id_!r} is not a customer id: it is empty or has characters that cannot be printed")
    links = aliases.stated(connection)
    customer_id = aliases.end_of(links, old)
    if aliases.end_of(links, new) == customer_id:
        raise InputError(f"{old!r} and {new!r} already refer to the same customer, {customer_id!r}")
    _state_alias(connection, old, new, None)
    return settle_aliases(connection)


def split_customer(connection: Connection, old: str) -> int:
    """Makes `old` a separate customer again. Returns the interactions moved.

    Raises:
        InputError: it is not an alias.
    """
    if old not in aliases.read(connection):
        raise InputError(f"{old!r} is not an alias; see: churn-agent aliases list")
    connection.execute(contributions.delete().where(contributions.c.kind == _ALIAS, contributions.c.customer_id == old))
    return settle_aliases(connection)


def add_alias(connection: Connection, links: dict[str, str], old: str, new: str, *, import_id: int) -> None:
    """Keeps what an import says of two ids. It counts after `settle_aliases`.

    Args:
        connection: connection in a transaction.
        links: all statements (`aliases.stated`), to which this one is added.
        old: an id.
        new: the id of the customer that it means.
        import_id: the import.

    Raises:
        ValueError: `old` is `new`, or another id of another customer.
    """
    now, target = aliases.end_of(links, old), aliases.end_of(links, new)
    if target == old:
        raise ValueError(f"{old!r} and {new!r} are already linked in the other direction, or identical")
    if old in links and now != target:
        raise ValueError(f"{old!r} is already an alias of {now!r}; split it first: churn-agent aliases split {old}")
    _state_alias(connection, old, new, import_id)
    links[old] = new


def settle_aliases(connection: Connection) -> int:
    """Makes the statements about ids count, for the rows, attributes and labels. Returns the interactions moved."""
    settled = aliases.settle(connection)
    merge_for = {id_ for old, (was, today) in settled.ids.items() for id_ in (old, was, today)}
    merge_attributes(connection, merge_for)
    merge_labels(connection, merge_for)
    return settled.moved


def _state_alias(connection: Connection, old: str, new: str, import_id: int | None) -> None:
    row = {"import_id": import_id, "kind": _ALIAS, "customer_id": old, "content": {"new": new}}
    connection.execute(contributions.insert().values(row))


def withdraw(connection: Connection, import_id: int) -> tuple[int, int]:
    """Takes out the attributes, labels, aliases and card of an import; those of the other imports count again.

    Returns:
        The number of customers with other attributes, and of labels.
    """
    table = contributions.c
    query = select(table.kind, table.customer_id, table.as_of).where(table.import_id == import_id)
    mine = list(connection.execute(query))
    connection.execute(contributions.delete().where(table.import_id == import_id))
    if any(row.kind == _ALIAS for row in mine):
        settle_aliases(connection)
    if any(row.kind == _CARD for row in mine):
        last = select(table.content).where(table.kind == _CARD).order_by(table.id.desc()).limit(1)
        _replace_card(connection, connection.scalar(last))
    described = {row.customer_id for row in mine if row.kind == ATTRIBUTES}
    merge_attributes(connection, described)
    labelled_ = {(row.customer_id, row.as_of) for row in mine if row.kind == _LABEL}
    merge_labels(connection, {customer_id for customer_id, _ in labelled_})
    return len(described), len(labelled_)


def labels_in_full(engine: Engine, customer_id: str | None = None) -> list[Label]:
    """Returns all labels, or those of a customer, with everything known of the outcome, by customer and date."""
    query = select(labels).order_by(labels.c.customer_id, labels.c.as_of)
    if customer_id is not None:
        query = query.where(labels.c.customer_id == customer_id)
    with engine.connect() as connection:
        return [_label(row) for row in connection.execute(query).mappings()]


def _label(row: Mapping[Any, Any]) -> Label:
    days = {name: row[name] and row[name].isoformat() for name in ("as_of", "left_on", "notice_on")}
    return Label(**(dict(row) | days))


def labelled(engine: Engine, as_of: date) -> dict[str, bool]:
    """Returns customer -> churned for the labels of a date."""
    query = select(labels.c.customer_id, labels.c.churned).where(labels.c.as_of == as_of)
    with engine.connect() as connection:
        return {row.customer_id: row.churned for row in connection.execute(query)}


def all_labels(engine: Engine) -> list[tuple[str, date, bool]]:
    """Returns (customer, date, churned) for all labels, sorted by customer and date."""
    query = select(labels.c.customer_id, labels.c.as_of, labels.c.churned).order_by(
        labels.c.customer_id, labels.c.as_of
    )
    with engine.connect() as connection:
        return [(row.customer_id, row.as_of, row.churned) for row in connection.execute(query)]


def outcomes(engine: Engine, *, horizon_days: int | None = None) -> dict[tuple[str, date], bool]:
    """Returns (customer, date) -> churned for all labels.

    Args:
        engine: the history.
        horizon_days: exclude labels with another horizon; labels without one are included.
    """
    query = select(labels.c.customer_id, labels.c.as_of, labels.c.churned)
    if horizon_days is not None:
        query = query.where(or_(labels.c.horizon_days.is_(None), labels.c.horizon_days == horizon_days))
    with engine.connect() as connection:
        return {(row.customer_id, row.as_of): row.churned for row in connection.execute(query)}


def marked_as_treated(engine: Engine) -> set[tuple[str, date]]:
    """Returns (customer, date) of the labels whose metadata say that the customer was treated."""
    query = select(labels.c.customer_id, labels.c.as_of).where(labels.c.metadata["treated"].as_string() == "yes")
    with engine.connect() as connection:
        return {(row.customer_id, row.as_of) for row in connection.execute(query)}


def label_horizons(engine: Engine) -> set[int]:
    """Returns the horizons of labels, in days, where they are given."""
    query = select(labels.c.horizon_days).where(labels.c.horizon_days.is_not(None)).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(query))
