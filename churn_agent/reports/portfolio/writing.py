"""Writes a report; the file's ending chooses the rendering."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from churn_agent.batch.changes import Change
from churn_agent.errors import InputError, Unavailable
from churn_agent.files import atomic
from churn_agent.reports.portfolio.building import Portfolio
from churn_agent.reports.portfolio.calendar import to_ics
from churn_agent.reports.portfolio.markdown import to_markdown
from churn_agent.reports.portfolio.page import to_html
from churn_agent.reports.portfolio.rows import to_csv, to_jsonl
from churn_agent.reports.portfolio.sheets import to_xlsx

Changes = Mapping[str, Change]


def to_pdf(portfolio: Portfolio, changes: Changes) -> bytes:
    """The HTML page as it prints. Raises `Unavailable` without WeasyPrint and what it needs."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # the package, or Pango, which it draws text with
        raise Unavailable(
            f"a PDF needs WeasyPrint and Pango ({error}); run: pip install 'churn-agent[pdf]', or print the .html page "
            "from a browser"
        ) from error
    page = weasyprint.HTML(string=to_html(portfolio, changes=changes), url_fetcher=_nothing_from_elsewhere)
    made = page.write_pdf()
    assert made
    return made


def _nothing_from_elsewhere(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report loads nothing, and not {url!r}")


RENDERERS: Mapping[str, Callable[[Portfolio, Changes], str | bytes]] = {
    ".html": lambda portfolio, changes: to_html(portfolio, changes=changes),
    ".pdf": to_pdf,
    ".xlsx": to_xlsx,
    ".csv": to_csv,
    ".jsonl": to_jsonl,
    ".md": to_markdown,
    ".ics": lambda portfolio, _: to_ics(portfolio),
}


def check(path: Path) -> None:
    """Raises `InputError` for an ending without a rendering."""
    if path.suffix not in RENDERERS:
        raise InputError(f"cannot write {str(path)!r}: give a file that ends in {', '.join(RENDERERS)}")


def write(portfolio: Portfolio, path: Path, *, changes: Changes) -> None:
    """Raises `InputError` for an ending without a rendering or a file that cannot be written, `Unavailable`."""
    check(path)
    atomic.save(path, RENDERERS[path.suffix](portfolio, changes))


def path_for(path: Path, owner: str, *, taken: set[Path]) -> Path:
    """`book.html` becomes `book-ana-silva.html`; whatever a name holds, it stays in the folder and is nobody else's."""
    plain = re.sub(r"[^\w]+", "-", owner.casefold()).strip("-")[:60] or "unnamed"
    found = path.with_name(f"{path.stem}-{plain}{path.suffix}")
    n = 2
    while found in taken:
        found = path.with_name(f"{path.stem}-{plain}-{n}{path.suffix}")
        n += 1
    taken.add(found)
    return found
