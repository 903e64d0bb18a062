"""The report as an Excel workbook: whom to call first, all customers, a sheet per account manager, and no formulas."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from churn_agent import extras
from churn_agent.batch.changes import Change
from churn_agent.reports.language import current, gettext, in_its_language, pgettext
from churn_agent.reports.portfolio import columns
from churn_agent.reports.portfolio.accounts import BANDS, Portfolio
from churn_agent.reports.portfolio.columns import Column
from churn_agent.reports.portfolio.phrases import title
from churn_agent.reports.portfolio.rows import Cell, rows

_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "text": {"valign": "top"},
    "number": {"num_format": "0", "valign": "top"},
    "share": {"num_format": "0 %", "valign": "top"},
    "money": {"num_format": "#,##0", "valign": "top"},
    "date": {"num_format": "yyyy-mm-dd", "valign": "top"},
    "flag": {"valign": "top"},
}
_WIDTHS = {
    "customer_id": 16, "name": 26, "owner": 16, "reason": 44, "quote": 60, "action": 30, "action_reason": 44,
    "what_to_do": 50, "talk_track": 60, "never_say": 40, "no_action": 40, "last_contact_by": 18,
}  # fmt: skip
_FIRST = """list customer_id name owner due band probability score ends_on renewal_date yearly_value monthly_value
value_at_risk reason quote quoted_on action action_channel what_to_do talk_track never_say no_action last_contact_by
last_contact_on unanswered""".split()
"""Columns of the sheet of calls, in their order."""
_COLOURS = {"high": "#F8D7DA", "medium": "#FFF3CD", "low": "#D9EAD3"}
_LONGEST_NAME = 31
"""Most characters that Excel allows in a sheet's name."""
_LONGEST_CELL = 32_000


@in_its_language
def to_xlsx(portfolio: Portfolio, changes: Mapping[str, Change]) -> bytes:
    """Returns a workbook with typed cells, frozen header rows, filters, coloured bands and no empty columns."""
    with extras.importing("reports"):
        import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]

    buffer = io.BytesIO()
    # Rows are written in order and leave memory at once.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook: Any = xlsxwriter.Workbook(buffer, options)
    workbook.set_properties({"title": title(portfolio), "company": portfolio.card.company})
    all_columns = columns.of(portfolio)
    by_name = {column.name: column for column in all_columns}
    by_customer = {str(row["customer_id"]): row for row in rows(portfolio, changes)}
    all_rows = list(by_customer.values())
    calls = [
        by_customer[account.assessment.customer_id] for account in (*portfolio.notice_given, *portfolio.early_warnings)
    ]
    used: set[str] = set()
    shown: dict[str, Column] = {}

    def add(name: str, wanted: Iterable[Column], customers: Sequence[Mapping[str, Cell]]) -> None:
        filled = [column for column in wanted if any(row[column.name] not in (None, "", False) for row in customers)]
        shown.update((column.name, column) for column in filled)
        _sheet(workbook, _name(name, used), filled, customers)

    first = [by_name[name] for name in _FIRST if name in by_name]
    if calls:
        add(pgettext("sheet", "Call first"), first, calls)
    else:
        _message(workbook, _name(pgettext("sheet", "Call first"), used))
    add(pgettext("sheet", "All customers"), all_columns, all_rows)
    by_owner: dict[str, list[Mapping[str, Cell]]] = {}
    for row in all_rows:
        if row["owner"]:
            by_owner.setdefault(str(row["owner"]), []).append(row)
    for owner in sorted(by_owner) if len(by_owner) > 1 else ():
        add(owner, all_columns, by_owner[owner])
    ordered = [column for column in all_columns if column.name in shown]
    _sheet_of_columns(workbook, _name(pgettext("sheet", "Columns"), used), ordered)
    workbook.close()
    return buffer.getvalue()


def _sheet(workbook: Any, name: str, shown: Sequence[Column], customers: Sequence[Mapping[str, Cell]]) -> None:
    sheet = workbook.add_worksheet(name)
    dated = {} if current().is_source else {"date": {**_FORMATS["date"], "num_format": "dd.mm.yyyy"}}
    formats = {kind: workbook.add_format(dict(properties)) for kind, properties in {**_FORMATS, **dated}.items()}
    _head(workbook, sheet, [gettext(column.title) for column in shown])
    for at, column in enumerate(shown):
        sheet.set_column(at, at, _WIDTHS.get(column.name, 12))
    for n, row in enumerate(customers, start=1):
        for at, column in enumerate(shown):
            _write(sheet, n, at, column, row[column.name], formats)
    sheet.autofilter(0, 0, max(len(customers), 1), max(len(shown) - 1, 0))
    bands = next((at for at, column in enumerate(shown) if column.name == "band"), None)
    for band in BANDS if bands is not None else ():
        rule = {
            "type": "cell",
            "criteria": "==",
            "value": f'"{gettext(band)}"',
            "format": workbook.add_format({"bg_color": _COLOURS[band]}),
        }
        sheet.conditional_format(1, bands, max(len(customers), 1), bands, rule)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _message(workbook: Any, name: str) -> None:
    sheet = workbook.add_worksheet(name)
    sheet.set_column(0, 0, 60)
    sheet.write_string(0, 0, gettext("Nobody is to be called: no customer has a reason for a call."))


def _sheet_of_columns(workbook: Any, name: str, shown: Sequence[Column]) -> None:
    sheet = workbook.add_worksheet(name)
    _head(workbook, sheet, [gettext("column"), gettext("meaning")])
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 70)
    for n, column in enumerate(shown, start=1):
        sheet.write_string(n, 0, gettext(column.title))
        sheet.write_string(n, 1, gettext(column.says))


def _head(workbook: Any, sheet: Any, names: Iterable[str]) -> None:
    bold = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    for at, name in enumerate(names):
        sheet.write_string(0, at, name, bold)
    sheet.freeze_panes(1, 0)


def _write(sheet: Any, row: int, at: int, column: Column, value: Cell, formats: Mapping[str, Any]) -> None:
    style = formats[column.kind]
    if value is None:
        sheet.write_blank(row, at, None, style)
    elif column.kind == "date":
        sheet.write_datetime(row, at, value, style)
    elif column.kind == "flag":
        sheet.write_string(row, at, gettext("yes") if value else "", style)
    elif isinstance(value, str):
        sheet.write_string(row, at, value[:_LONGEST_CELL], style)
    else:
        sheet.write_number(row, at, value, style)


def _name(title: str, used: set[str]) -> str:
    """Returns a name that Excel accepts and no other sheet has (case-insensitive)."""
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip().strip("'") or "customers"
    plain = "history " if plain.casefold() == "history" else plain  # Excel reserves that name
    for n in range(1, len(used) + 2):
        ending = f" {n}" if n > 1 else ""
        name = plain[: _LONGEST_NAME - len(ending)].rstrip(" '") + ending
        if name.casefold() not in used:
            break
    else:
        raise AssertionError("every sheet has a free name")
    used.add(name.casefold())
    return name
