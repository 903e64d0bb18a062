"""The report as one HTML page that works offline, on a phone, with the keyboard and on paper."""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from churn_agent import extras
from churn_agent.batch.changes import Change
from churn_agent.domain.assessment import Band
from churn_agent.measuring.plots import to_svg
from churn_agent.reports import wording
from churn_agent.reports.language import (
    current,
    day,
    gettext,
    in_its_language,
    month,
    ngettext,
    noop,
    number,
    signed,
)
from churn_agent.reports.portfolio import phrases, renewals
from churn_agent.reports.portfolio.accounts import BANDS, Account, Portfolio
from churn_agent.reports.portfolio.building import owners
from churn_agent.reports.sentences import translated

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_SHOWN = 50
"""Rows per page of the table."""
_PRINTED = 2000
"""Most rows of the table on paper."""
_COLUMNS = (
    ("rank", "rank", noop("#"), "n"),
    ("customer", "customer", noop("customer"), ""),
    ("owner", "owner", noop("owner"), ""),
    ("band_order", "band_words", noop("risk"), ""),
    ("number", "number_words", noop("number"), "w"),
    ("yearly_value", "yearly_words", "", "n"),
    ("at_risk", "risk_words", noop("at risk"), "n"),
    ("renewal", "renewal_words", noop("renewal"), "w"),
    ("why", "why", noop("why"), "cut"),
)
"""Key to sort by, key of the words, heading and class of the cells; the heading of values depends on the card."""
_MAPPED = 150
"""Most customers on the map."""
_NAMED = 12
"""Most customers on the map with their rank beside them."""
_MARKS: Mapping[Band, tuple[str, str]] = {
    "high": ("#b42318", "o"),
    "medium": ("#c98a00", "s"),
    "low": ("#4b7f52", "^"),
}
"""Colour and shape of each band."""


@in_its_language
def to_html(portfolio: Portfolio, *, changes: Mapping[str, Change] | None = None, on_paper: bool = False) -> str:
    """Returns the report as an HTML page.

    Args:
        portfolio: the report of a run.
        changes: changes since an earlier run, by customer.
        on_paper: the page is printed without running its script.
    """
    template = _template()
    rows = [_row(account, portfolio) for account in portfolio.accounts]
    columns = [
        {"key": key, "words": words, "label": gettext(label) if label else phrases.value_title(portfolio), "kind": kind}
        for key, words, label, kind in _COLUMNS
        if any(row[words] for row in rows) or key in ("rank", "customer")
    ]
    months = renewals.by_month(portfolio.accounts, portfolio.as_of)
    beyond = len(rows) - (_PRINTED if on_paper else _SHOWN)
    run, card = portfolio.run, portfolio.card
    how = ", ".join(str(run.spec[name]) for name in ("model_id", "prompt", "method") if run.spec.get(name))
    return template.render(
        p=portfolio,
        lang=str(current().locale).replace("_", "-"),
        title=phrases.title(portfolio),
        subtitle=_subtitle(portfolio),
        head=phrases.head(portfolio),
        bands=BANDS,
        all_bands=(*BANDS, None),
        risk_words=wording.RISK_WORDS,
        urgency=wording.URGENCY_WORDS,
        verdicts=list(phrases.VERDICTS),
        change_parts=phrases.CHANGES,
        loss_title=gettext("expected loss per month")
        if card.value_period == "month"
        else gettext("expected loss per year"),
        calls_words=phrases.calls_words(portfolio),
        value_title=phrases.value_title(portfolio),
        drivers=portfolio.drivers,
        renewals=months,
        most_renewals=max((len(month.accounts) for month in months), default=1),
        valued=any(account.yearly_value is not None for account in portfolio.accounts),
        owners=owners(portfolio.accounts),
        cards=[account for account in portfolio.accounts if account.timeline is not None],
        changes=changes or {},
        columns=columns,
        rows=rows,
        on_paper=_PRINTED if on_paper else _SHOWN,
        rest=_more(len(rows) - _PRINTED),
        unscripted=_more(beyond),
        page={
            "rows": rows,
            "columns": columns,
            "shown": _SHOWN,
            "printed": _PRINTED,
            "run": run.id,
            "as_of": portfolio.as_of.isoformat(),
            "words": {"place": gettext("{from} to {to} of {n}"), "nobody": gettext("no customers")},
        },
        map=_map(portfolio.accounts, on_paper=on_paper),
        money=partial(phrases.money_words, portfolio=portfolio),
        value_words=partial(phrases.value_words, portfolio=portfolio),
        how=how,
        nonce=secrets.token_urlsafe(12),
        version=version("churn-agent"),
    )


@cache
def _template() -> "Template":
    """Returns the page with the functions that it calls, which speak the current language."""
    with extras.importing("reports"):
        import jinja2

    folder = files("churn_agent.reports.portfolio")
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
    )
    functions: dict[str, Any] = {
        "_": gettext,
        "say": translated,
        "day": day,
        "month": month,
        "number": number,
        "signed": signed,
        "in_quotes": wording.in_quotes,
        "in_their_words": wording.in_their_words,
        "number_words": phrases.number_words,
        "unanswered_words": phrases.unanswered_words,
        "task_states": phrases.TASK_STATES,
        "shown_reasons": phrases.shown_reasons,
        "status_lines": phrases.status_lines,
        "no_action": phrases.no_action,
        "never_say": wording.never_say,
        "since": phrases.since,
        "care_line": wording.care_line,
        "correction_lines": wording.correction_lines,
        "is_signal": wording.is_signal,
        "standing_line": wording.standing_line,
        "band_of": _band,
        "spark": _spark,
    }
    environment.globals.update(functions)
    return environment.get_template("page.html")


def _subtitle(portfolio: Portfolio) -> str:
    card = portfolio.card
    when = gettext("At the end of {day}, looking {days} days ahead.", day=day(portfolio.as_of), days=card.horizon_days)
    if not card.churn_means:
        return when
    return f"{when} {gettext('Churn means: {what}.', what=translated(card.churn_means))}"


def _more(n: int) -> str | None:
    if n <= 0:
        return None
    return ngettext(
        "{n} more customer is in the data files (.xlsx, .csv, .jsonl).",
        "{n} more customers are in the data files (.xlsx, .csv, .jsonl).",
        n,
    )


def _row(account: Account, portfolio: Portfolio) -> dict[str, Any]:
    """Returns the values that the table sorts, filters and shows."""
    assessment, band = account.assessment, account.assessment.band
    why = phrases.why(account)
    return {
        "rank": account.rank,
        "customer": account.label,
        "customer_id": assessment.customer_id,
        "name": account.name,
        "owner": account.owner or "",
        "band": band,
        "band_order": BANDS.index(band) if band else None,
        "band_words": _band_words(account),
        "number": account.number,
        "number_words": phrases.number_words(account),
        "yearly_value": account.yearly_value,
        "yearly_words": phrases.money_words(account.yearly_value, portfolio),
        "at_risk": account.at_risk,
        "risk_words": phrases.money_words(account.at_risk, portfolio),
        "renewal": account.renewal.isoformat() if account.renewal else "",
        "renewal_words": day(account.renewal),
        "why": why,
        "card": account.timeline is not None,
        "text": " ".join((assessment.customer_id, account.name or "", account.owner or "", why)).lower(),
    }


def _band_words(account: Account) -> str:
    if account.assessment.band:
        return gettext(account.assessment.band)
    return gettext("no number") if account.assessment.fitted else gettext("no band")


def _band(account: Account) -> "Markup":
    from markupsafe import Markup

    return Markup('<span class="band {}">{}</span>').format(account.assessment.band or "none", _band_words(account))


def _spark(account: Account) -> "Markup":
    """Draws the earlier numbers and the current one, 0 to 1, as a sparkline."""
    from markupsafe import Markup

    values = [value for _, value in account.earlier] + [account.number or 0.0]
    points = " ".join(f"{4 + 92 * i / (len(values) - 1):.1f},{22 - 20 * value:.1f}" for i, value in enumerate(values))
    return Markup(
        '<svg class="spark" width="100" height="24" viewBox="0 0 100 24" aria-hidden="true"><polyline points="{}" '
        'fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    ).format(points)


def _in_points(value: float, _: int) -> str:
    return number(100 * value)


def _map(accounts: Sequence[Account], *, on_paper: bool) -> str | None:
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
                label=gettext(wording.RISK_WORDS[band]),
            )
        for account in shown[:_NAMED]:
            at = (account.days_to_renewal, account.number)
            axes.annotate(str(account.rank), at, xytext=(5, 4), textcoords="offset points", fontsize=8)
        axes.yaxis.set_major_formatter(_in_points)
        axes.set_xlabel(gettext("days to renewal"))
        axes.set_ylabel(gettext("number"))
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), markerscale=0.6)

    svg = to_svg(draw, size=(8.2, 3.6), transparent=True)
    if on_paper:  # WeasyPrint knows no variables in plots
        return svg
    for band, (colour, _) in _MARKS.items():
        svg = svg.replace(colour, f"var(--{band})")
    return svg.replace("#000000", "currentColor")
