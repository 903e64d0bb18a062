"""Writes a report; the file's suffix chooses the format."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from churn_agent.batch.changes import Change
from churn_agent.errors import InputError, Unavailable
from churn_agent.files import atomic
from churn_agent.reports.portfolio.accounts import Portfolio
from churn_agent.reports.portfolio.calendar import to_ics
from churn_agent.reports.portfolio.markdown import to_markdown
from churn_agent.reports.portfolio.page import to_html
from churn_agent.reports.portfolio.rows import to_csv, to_jsonl
from churn_agent.reports.portfolio.sheets import to_xlsx

Changes = Mapping[str, Change]


def to_pdf(portfolio: Portfolio, changes: Changes) -> bytes:
    """Returns the HTML page as it prints. Raises `Unavailable` without WeasyPrint and Pango."""
    return to_paper(to_html(portfolio, changes=changes, on_paper=True))


def to_paper(page: str) -> bytes:
    """Returns an HTML page as a PDF. Raises `Unavailable` without WeasyPrint and Pango."""
    try:
        import weasyprint  # pyright: ignore[reportMissingTypeStubs]
    except (ImportError, OSError) as error:  # the package is missing, or Pango, which draws its text
        raise Unavailable(
            f"a PDF needs WeasyPrint and Pango ({error}); run: pip install 'churn-agent[pdf]', or print the .html page "
            "from a browser"
        ) from error
    document = cast("Any", weasyprint.HTML(string=page, url_fetcher=_refuse_url))
    pdf: bytes = document.write_pdf()
    return pdf


def _refuse_url(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report loads no external resources, but asked for {url!r}")


RENDERERS: Mapping[str, Callable[[Portfolio, Changes], str | bytes | None]] = {
    ".html": lambda portfolio, changes: to_html(portfolio, changes=changes),
    ".pdf": to_pdf,
    ".xlsx": to_xlsx,
    ".csv": to_csv,
    ".jsonl": to_jsonl,
    ".md": to_markdown,
    ".ics": lambda portfolio, _: to_ics(portfolio),
}


def check(path: Path) -> None:
    """Raises `InputError` for a suffix without a format."""
    if path.suffix not in RENDERERS:
        raise InputError(f"cannot write {str(path)!r}: use a file name that ends in {', '.join(RENDERERS)}")


def write(portfolio: Portfolio, path: Path, *, changes: Changes, separator: str | None = None) -> bool:
    """Writes a report, unless its format has nothing to hold (a calendar without renewals at risk).

    Args:
        portfolio: the report of a run.
        path: the file; its suffix chooses the format.
        changes: changes since an earlier run, by customer.
        separator: of cells in CSV; see `rows.to_csv`.

    Returns:
        Whether the file was written.

    Raises:
        InputError: the suffix has no format, or the file cannot be written.
        Unavailable: the format needs a package that is missing.
    """
    check(path)
    if path.suffix == ".csv":
        content = to_csv(portfolio, changes, separator=separator)
    else:
        content = RENDERERS[path.suffix](portfolio, changes)
    if content is None:
        return False
    atomic.save(path, content)
    return True


def path_for(path: Path, owner: str, *, taken: set[Path]) -> Path:
    """Returns `book-ana-silva.html` for `book.html`: always in the same folder, and a different file for each owner."""
    plain = re.sub(r"[^\w]+", "-", owner.casefold()).strip("-")[:60] or "unnamed"
    own = path.with_name(f"{path.stem}-{plain}{path.suffix}")
    n = 2
    while own in taken:
        own = path.with_name(f"{path.stem}-{plain}-{n}{path.suffix}")
        n += 1
    taken.add(own)
    return own
