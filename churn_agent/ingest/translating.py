"""What a mapping says about a file of attributes, outcomes, measurements or aliases.

A mapping may be about several files. So its columns count in the files that have them; only a field that no other kind
of file has must be there. Defaults and words are filled in before a row is parsed.
"""

from collections.abc import Sequence

from churn_agent.errors import DataError
from churn_agent.ingest.columns import INTERACTION_FIELDS, ColumnMapping, Rule, assign
from churn_agent.ingest.derived import template_columns, text_with_values
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.base import Row, header_name
from churn_agent.ingest.sources import Source


class Translation:
    """The columns of a file about customers, and what a mapping says about their values."""

    def __init__(
        self,
        row: Row,
        source: Source,
        mapping: ColumnMapping,
        fields: Sequence[str],
        needs: Sequence[str] = ("customer_id",),
        *,
        attributes: bool = False,
    ) -> None:
        """Finds the columns.

        Args:
            row: first row of the file.
            source: the file.
            mapping: the user's mapping.
            fields: our fields that the file may have.
            needs: fields that it must have.
            attributes: whether the other columns are attributes, which the mapping may name.

        Raises:
            DataError: a needed column is missing, or one that the mapping names for this kind of file.
        """
        named = {header_name(ours): name for ours, name in mapping.attributes.items() if attributes}
        self._attributes = {ours: header_name(name) for ours, name in named.items() if name}
        texts = (*named.values(), *(mapping.columns.get(field) for field in fields))
        self._texts = {
            header_name(text): text_with_values(text)
            for text in texts
            if text and (parts := template_columns(text))
            if not source.complete_header or all(part in row.values for part in parts)
        }
        header = list(dict.fromkeys((*row.values, *self._texts)))
        if source.complete_header:
            absent = [name for name in self._attributes.values() if name not in header]
            absent = [
                name for ours, name in self._attributes.items() if name in absent and ours not in mapping.defaults
            ]
            if absent:
                raise DataError(f"{source.name}: the mapping's column {absent[0]!r} is not in the file")
        defaults = {
            field: text for field, text in mapping.defaults.items() if field in fields and field != "customer_id"
        }
        columns = _columns(header, source, mapping, fields)
        self.columns = assign(header, fields, needs, source.name, Rule(columns=columns, defaults=defaults))
        for field in defaults:
            self.columns.setdefault(field, field)
        self._values = {
            self.columns.get(field, field): (defaults.get(field, ""), mapping.values.get(field, {}))
            for field in self.columns
            if field in defaults or field in mapping.values
        }
        self._values |= {
            name: (mapping.defaults.get(name, ""), mapping.values.get(name, {}))
            for name in named
            if name in mapping.defaults or name in mapping.values
        }

    def __call__(self, row: Row) -> Row:
        """Returns a row with the mapping's names of attributes, defaults and words."""
        if row.problem or not (self._attributes or self._values or self._texts):
            return row
        if self._texts:
            filled = {name: fill(row.values) for name, fill in self._texts.items()}
            row = row._replace(values=filled | dict(row.values))
        named = {name: ours for ours, name in self._attributes.items()}
        values = {name: text for name, text in row.values.items() if name in named or name not in self._attributes}
        values = {named.get(name, name): text for name, text in values.items()}
        for name, (default, words) in self._values.items():
            text = values.get(name) or default
            values[name] = words.get(text, text)
        return row._replace(values=values)


def customer_columns(mapping: ColumnMapping) -> list[str]:
    """Returns the normalized names of the column of customers, as a mapping names it."""
    named = (rule.columns.get("customer_id") for rule in mapping.rules)
    return [header_name(part) for column in named if column for part in column.split("|")]


def settled_times(profile: TimeProfile, mapping: ColumnMapping) -> TimeFormat | Question | None:
    """Decides how a column writes times: as its values say, or by the mapping's format where they do not say it.

    Args:
        profile: the column.
        mapping: the user's mapping, whose format may be that of another file.
    """
    settled = profile.settle(mapping.day_first)
    clear = isinstance(settled, TimeFormat) and not settled.misfits
    return settled if clear or not mapping.time_format else profile.settle(time_format=mapping.time_format)


def _columns(
    header: Sequence[str], source: Source, mapping: ColumnMapping, fields: Sequence[str]
) -> dict[str, str | None]:
    """Returns our field -> the mapping's column, for columns that the file has, or should have."""
    columns: dict[str, str | None] = {}
    for field in fields:
        named = mapping.columns.get(field)
        if field not in mapping.columns or (named is None and field in INTERACTION_FIELDS):
            continue
        parts = named.split("|") if named else []
        there = next((part.strip() for part in parts if header_name(part) in header), None)
        if named and not there:
            if field not in INTERACTION_FIELDS and source.complete_header and field not in mapping.defaults:
                raise DataError(f"{source.name}: the mapping's column {named!r} is not in the file")
            continue
        columns[field] = there
    return columns
