"""The report as an Excel workbook: a sheet for all customers, one per account manager, and no formulas."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from churn_agent import extras
from churn_agent.batch.changes import Change
from churn_agent.reports.portfolio.building import Portfolio
from churn_agent.reports.portfolio.rows import COLUMNS, Cell, Column, rows

_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "text": {"text_wrap": False},
    "number": {"num_format": "0"},
    "share": {"num_format": "0 %"},
    "money": {"num_format": "#,##0"},
    "date": {"num_format": "yyyy-mm-dd"},
    "flag": {},
}
_WIDTHS = {"customer_id": 16, "owner": 16, "reason": 44, "quote": 60, "action": 30, "action_reason": 44}
_COLOURS = {"high": "#F8D7DA", "medium": "#FFF3CD", "low": "#D9EAD3"}
_LONGEST_NAME = 31
"""Most characters that Excel allows in a sheet's name."""
_LONGEST_CELL = 32_000


def to_xlsx(portfolio: Portfolio, changes: Mapping[str, Change]) -> bytes:
    """Returns a workbook with typed cells, a frozen header row, filters and coloured bands."""
    with extras.importing("reports"):
        import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]

    buffer = io.BytesIO()
    # Rows are buffer in order and leave memory at once.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook: Any = xlsxwriter.Workbook(buffer, options)
    workbook.set_properties({"title": f"Churn risk at {portfolio.as_of}", "company": portfolio.card.company})
    all_rows = list(rows(portfolio, changes))
    used: set[str] = set()
    _sheet(workbook, _name("All customers", used), all_rows)
    by_owner: dict[str, list[Mapping[str, Cell]]] = {}
    for row in all_rows:
        if row["owner"]:
            by_owner.setdefault(str(row["owner"]), []).append(row)
    for owner in sorted(by_owner) if len(by_owner) > 1 else ():
        _sheet(workbook, _name(owner, used), by_owner[owner])
    _sheet_of_columns(workbook, _name("Columns", used))
    workbook.close()
    return buffer.getvalue()


def _sheet(workbook: Any, name: str, customers: Sequence[Mapping[str, Cell]]) -> None:
    sheet = workbook.add_worksheet(name)
    formats = {kind: workbook.add_format(dict(properties)) for kind, properties in _FORMATS.items()}
    _head(workbook, sheet, [column.name.replace("_", " ") for column in COLUMNS])
    for at, column in enumerate(COLUMNS):
        sheet.set_column(at, at, _WIDTHS.get(column.name, 12))
    for n, row in enumerate(customers, start=1):
        for at, column in enumerate(COLUMNS):
            _write(sheet, n, at, column, row[column.name], formats)
    sheet.autofilter(0, 0, max(len(customers), 1), len(COLUMNS) - 1)
    bands = next(at for at, column in enumerate(COLUMNS) if column.name == "band")
    for band, colour in _COLOURS.items():
        rule = {
            "type": "cell",
            "criteria": "==",
            "value": f'"{band}"',
            "format": workbook.add_format({"bg_color": colour}),
        }
        sheet.conditional_format(1, bands, max(len(customers), 1), bands, rule)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _sheet_of_columns(workbook: Any, name: str) -> None:
    sheet = workbook.add_worksheet(name)
    _head(workbook, sheet, ["column", "meaning"])
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 70)
    for n, column in enumerate(COLUMNS, start=1):
        sheet.write_string(n, 0, column.name.replace("_", " "))
        sheet.write_string(n, 1, column.says)


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
        sheet.write_string(row, at, "yes" if value else "", style)
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
