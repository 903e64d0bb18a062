"""The report as one HTML page that works offline, with the keyboard and on paper."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from churn_agent import extras
from churn_agent.batch.changes import Change
from churn_agent.measuring.plots import to_svg
from churn_agent.reports import wording
from churn_agent.reports.portfolio.building import BANDS, Account, Portfolio, owners
from churn_agent.reports.portfolio.phrases import NO_ACTION, head, money, number_words, status_lines, title

if TYPE_CHECKING:
    from markupsafe import Markup

_SHOWN = 50
"""Rows per page of the table."""
_COLUMNS = (
    ("rank", "#", True),
    ("customer_id", "customer", False),
    ("owner", "owner", False),
    ("band_order", "risk", False),
    ("number", "number", False),
    ("yearly_value", "yearly value", True),
    ("at_risk", "at risk", True),
    ("renewal", "renewal", False),
    ("why", "why", False),
)
"""Sort key of the column, heading, and whether it is right-aligned."""
_MAPPED = 150
"""Most customers on the map."""
_NAMED = 12
"""Most customers on the map with their rank beside them."""
_MARKS: Mapping[str, tuple[str, str]] = {
    "high": ("#b42318", "o"),
    "medium": ("#c98a00", "s"),
    "low": ("#4b7f52", "^"),
}
"""Colour and shape of each band."""


def to_html(portfolio: Portfolio, *, changes: Mapping[str, Change] | None = None) -> str:
    """Returns the report as an HTML page.

    Args:
        portfolio: the report of a run.
        changes: changes since an earlier run, by customer.
    """
    with extras.importing("reports"):
        import jinja2

    source = files("churn_agent.reports.portfolio").joinpath("page.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(source)
    return template.render(
        p=portfolio,
        title=title(portfolio),
        head=head(portfolio),
        bands=BANDS,
        no_action=NO_ACTION,
        drivers=portfolio.drivers,
        valued=any(account.yearly_value is not None for account in portfolio.accounts),
        owners=owners(portfolio.accounts),
        cards=[account for account in portfolio.accounts if account.timeline is not None],
        changes=changes or {},
        columns=_COLUMNS,
        shown=_SHOWN,
        rows=[_row(account, portfolio) for account in portfolio.accounts],
        map=_map(portfolio.accounts),
        money=partial(money, portfolio=portfolio),
        number_words=number_words,
        status_lines=status_lines,
        care_line=wording.care_line,
        standing_line=wording.standing_line,
        why=_why,
        band_of=_band,
        spark=_spark,
        urgency=wording.URGENCY_WORDS,
        nonce=secrets.token_urlsafe(12),
        version=version("churn-agent"),
    )


def _row(account: Account, portfolio: Portfolio) -> dict[str, Any]:
    """Returns the values that the table sorts, filters and shows."""
    assessment, band = account.assessment, account.assessment.band
    return {
        "rank": account.rank,
        "customer_id": assessment.customer_id,
        "owner": account.owner or "",
        "band": band,
        "band_order": BANDS.index(band) if band else None,
        "number": account.number,
        "number_words": number_words(account),
        "yearly_value": account.yearly_value,
        "yearly_words": money(account.yearly_value, portfolio),
        "at_risk": account.at_risk,
        "risk_words": money(account.at_risk, portfolio),
        "renewal": account.renewal.isoformat() if account.renewal else "",
        "why": _why(account),
        "card": account.timeline is not None,
        "text": " ".join((assessment.customer_id, account.owner or "", _why(account))).lower(),
    }


def _why(account: Account) -> str:
    return account.risks[0].statement if account.risks else ""


def _band(account: Account) -> "Markup":
    from markupsafe import Markup

    band = account.assessment.band
    return Markup('<span class="band {}">{}</span>').format(
        band or "none", band or ("no number" if account.assessment.fitted else "no band")
    )


def _spark(account: Account) -> "Markup":
    """Draws the earlier numbers and the current one, 0 to 1, as a sparkline."""
    from markupsafe import Markup

    values = [value for _, value in account.earlier] + [account.number or 0.0]
    points = " ".join(f"{4 + 92 * i / (len(values) - 1):.1f},{22 - 20 * value:.1f}" for i, value in enumerate(values))
    return Markup(
        '<svg class="spark" width="100" height="24" viewBox="0 0 100 24" aria-hidden="true"><polyline points="{}" '
        'fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    ).format(points)


def _map(accounts: Sequence[Account]) -> str | None:
    """Plots the number over days to renewal, sized by value; None without a known renewal."""
    shown = [
        account
        for account in accounts
        if account.worth_a_call
        and not account.assessment.former
        and account.days_to_renewal is not None
        and account.days_to_renewal >= 0
    ][:_MAPPED]
    if not shown:
        return None
    most = max((account.yearly_value or 0.0 for account in shown), default=0.0) or 1.0

    def draw(axes: Any) -> None:
        for band, (colour, mark) in _MARKS.items():
            of_band = [account for account in shown if account.assessment.band == band]
            if not of_band:
                continue
            axes.scatter(
                [account.days_to_renewal for account in of_band],
                [account.number for account in of_band],
                s=[25 + 400 * (account.yearly_value or 0.0) / most for account in of_band],
                c=colour,
                marker=mark,
                alpha=0.55,
                linewidths=0,
                label=f"{band} risk",
            )
        for account in shown[:_NAMED]:
            at = (account.days_to_renewal, account.number)
            axes.annotate(str(account.rank), at, xytext=(5, 4), textcoords="offset points", fontsize=8)
        axes.set_xlabel("days to renewal")
        axes.set_ylabel("number")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), markerscale=0.6)

    return to_svg(draw, size=(8.2, 3.6))
