"""The words of a look-back, for the terminal and the page."""

from collections.abc import Sequence

from churn_agent.domain.snapshot import Card
from churn_agent.lookback.estimates import ENOUGH, Estimate, Lead, Share
from churn_agent.lookback.looking_back import LookBack
from churn_agent.lookback.measures import Groups, Measures
from churn_agent.lookback.quoted import Quoted
from churn_agent.lookback.rivals import Compared
from churn_agent.measuring.metrics import Interval
from churn_agent.reports.language import day, gettext, money, ngettext, noop, number, share, signed

_TESTS = {
    "lift": noop("Do customers in the highest band leave at least 3 times as often as all customers?"),
    "early": noop("Were two thirds of those who left above the lowest band 60 to 90 days before notice?"),
    "green": noop("Are at most 80% of customers in the lowest band?"),
}
ANSWERS = {"yes": noop("yes"), "no": noop("no"), "cannot tell": noop("cannot tell")}
KINDS = {
    "signal": noop("signal"),
    "band": noop("band"),
    "segment": noop("segment"),
    "region": noop("region"),
    "language": noop("language"),
}
_FLAGS = {
    "high": noop("A customer is flagged if they are in the highest band."),
    "medium": noop("A customer is flagged if they are above the lowest band."),
    "top": noop(
        "A customer is flagged if their number is among the highest of the month end, as many as can be called."
    ),
}
HEADINGS = (
    noop("customers"),
    noop("left"),
    noop("flagged month ends"),
    noop("lift"),
    noop("warned of those who left"),
    noop("days of warning"),
    noop("false alarms"),
)


def title(card: Card) -> str:
    """Returns the title of the page."""
    return gettext("Look-back: {company}", company=card.company)


def period(look_back: LookBack) -> str:
    """Returns what was replayed."""
    return ngettext(
        "{n} month end from {first} to {last} was replayed, with data up to each day alone. Horizon: {days} days.",
        "{n} month ends from {first} to {last} were replayed, with data up to each day alone. Horizon: {days} days.",
        len(look_back.days),
        first=day(look_back.days[0]),
        last=day(look_back.days[-1]),
        days=look_back.horizon_days,
    )


def head(look_back: LookBack) -> list[str]:
    """Returns the result in sentences."""
    all_ = look_back.overall
    lines = [gettext(_FLAGS[look_back.flag])]
    if not all_.left:
        lines.append(
            gettext(
                "Nobody left whose notice can be dated, so nothing can be said of lead time and coverage "
                "(n needed: {n} who left).",
                n=ENOUGH,
            )
        )
    else:
        lines.append(
            gettext("Warned of before notice: {share} who left.", share=of_whole(all_.coverage))
            + (f" {gettext('Lead time: {lead}.', lead=lead_in_full(all_.lead))}" if all_.lead else "")
        )
    if all_.confirmed:
        lines.append(
            ngettext(
                "{n} who left was flagged only from the notice on, which confirms it and is not a warning.",
                "{n} who left were flagged only from the notice on, which confirms it and is not a warning.",
                all_.confirmed,
            )
        )
    lines.append(
        gettext("False alarms: {share} alarms that are over.", share=of_whole(all_.false_alarms, places=0))
        if all_.false_alarms.known
        else gettext("No alarm is over yet.")
    )
    lines.append(
        gettext(
            "Lift: {lift}; notice within the horizon after {rate} flagged month ends and after {base} of all.",
            lift=estimate(all_.lift),
            rate=of_whole(all_.rate),
            base=of_whole(all_.base_rate),
        )
        if all_.lift
        else gettext("Lift: cannot tell; nobody who was flagged, or nobody who left, is over a horizon.")
    )
    return lines


def notes(look_back: LookBack) -> list[str]:
    """Returns what was left out, and what is not known."""
    lines: list[str] = []
    if look_back.attributes_left_out:
        names = ", ".join(look_back.attributes_left_out)
        lines.append(
            gettext(
                "Left out of every score, because nothing says since when their values hold: {names}. With a column "
                "known_from they would be used from that day on.",
                names=names,
            )
        )
    if look_back.not_described:
        lines.append(
            ngettext(
                "{n} customer is not in the customer file; they count like the others.",
                "{n} customers are not in the customer file; they count like the others.",
                look_back.not_described,
            )
        )
    if look_back.undated:
        lines.append(
            ngettext(
                "{n} customer is excluded: the leaving date is unknown.",
                "{n} customers are excluded: the leaving dates are unknown.",
                look_back.undated,
            )
        )
    if look_back.without_month_end:
        lines.append(
            ngettext(
                "{n} customer left before a month end at which they could have been flagged, and is in no rate.",
                "{n} customers left before a month end at which they could have been flagged, and are in no rate.",
                look_back.without_month_end,
            )
        )
    if look_back.overall.not_ripe:
        lines.append(
            ngettext(
                "{n} customer at a month end is excluded from all rates: the horizon has not passed (not ripe).",
                "{n} customers at month ends are excluded from all rates: the horizon has not passed (not ripe).",
                look_back.overall.not_ripe,
            )
        )
    if look_back.learned:
        lines.append(
            gettext(
                "The method {name} was fitted anew at each month end, on outcomes known by then.",
                name=look_back.learned,
            )
        )
    if look_back.plain_days:
        lines.append(
            ngettext(
                "At {n} month end too few outcomes were known for it; the plain score counts there.",
                "At {n} month ends too few outcomes were known for it; the plain score counts there.",
                len(look_back.plain_days),
            )
        )
    if look_back.failed:
        lines.append(ngettext("{n} assessment failed.", "{n} assessments failed.", look_back.failed))
    return lines


def test_words(test: Quoted) -> tuple[str, str, str]:
    """Returns the question of a test, its answer, and the figures behind it."""
    answer = gettext(ANSWERS[test.answer])
    if test.value is None or test.low is None or test.high is None:
        figures = gettext("n = {n}; n needed: {needed}", n=test.n, needed=test.needed or ENOUGH)
    else:
        value = (
            interval(test.value, test.low, test.high)
            if test.test == "lift"
            else f"{share(test.value)} [{number(100 * test.low)}, {number(100 * test.high)}]"
        )
        figures = gettext("{value}, n = {n}", value=value, n=number(test.n))
        if test.answer == "cannot tell":
            figures += (
                gettext("; n needed: about {n}", n=number(test.needed))
                if test.needed
                else gettext("; no sample size would settle this at this share")
            )
    return gettext(_TESTS[test.test]), answer, figures


def cells(measures: Measures) -> list[str]:
    """Returns the cells of a row, as in `HEADINGS`; without data, they say "cannot tell"."""
    unknown = gettext("cannot tell (0 of {n} left; n needed: {needed})", n=measures.customers, needed=ENOUGH)
    return [
        number(measures.customers),
        number(measures.left),
        of_whole(measures.flags),
        estimate(measures.lift) if measures.lift else gettext("cannot tell"),
        of_whole(measures.coverage) if measures.left else unknown,
        lead_in_full(measures.lead) if measures.lead else "",
        of_whole(measures.false_alarms) if measures.false_alarms.known else gettext("none is over"),
    ]


def group_notes(groups: Groups) -> list[str]:
    """Returns which groups are not named."""
    lines: list[str] = []
    if groups.not_named:
        lines.append(
            ngettext(
                "{n} group with fewer than five customers is not named ({customers} customers).",
                "{n} groups with fewer than five customers are not named ({customers} customers).",
                groups.not_named,
                customers=groups.in_not_named,
            )
        )
    if groups.without:
        lines.append(
            gettext("Of {n} customers the {kind} is not known.", n=groups.without, kind=gettext(KINDS[groups.kind]))
        )
    return lines


def money_lines(look_back: LookBack, card: Card) -> list[str]:
    """Returns what a list of the capacity would have been worth."""
    of = look_back.money
    lines = [
        gettext(
            "With {capacity} calls after each month end: {calls} calls to {accounts} customers, {reached} who left "
            "reached in time.",
            capacity=of.capacity,
            calls=number(of.calls),
            accounts=number(of.accounts),
            reached=of_whole(of.reached) if of.reached.known else "0",
        )
    ]
    if of.calls_for_one:
        lines.append(gettext("Calls for each of them: {n}.", n=interval_of(of.calls_for_one)))
    if of.flagged_share:
        lines.append(
            gettext(
                "Yearly value lost: {lost}; on the list in time: {flagged} ({share}).",
                lost=money(of.lost, card.currency),
                flagged=money(of.flagged, card.currency),
                share=percent(of.flagged_share),
            )
        )
    if of.values_unknown:
        lines.append(
            ngettext(
                "The value of {n} customer who left is unknown and counts as nothing.",
                "The value of {n} customers who left is unknown and counts as nothing.",
                of.values_unknown,
            )
        )
    if of.cost is None:
        lines.append(gettext("With --call-cost, the save rate at which the list pays for itself is computed."))
    else:
        lines.append(gettext("Cost of the calls: {cost}.", cost=money(of.cost, card.currency)))
        if of.cost_of_one:
            lines.append(gettext("Cost for each customer reached: {n}.", n=interval_of(of.cost_of_one)))
        if of.save_rate:
            lines.append(
                gettext(
                    "The list pays for itself if calls keep {share} of the yearly value that it flags.",
                    share=percent(of.save_rate, digits=1),
                )
            )
    lines.append(
        gettext(
            "This is not money saved: nobody was called. What calls keep is known only from a control group "
            "(churn-agent actions plan)."
        )
    )
    return lines


def against_lines(comparison: Compared, card: Card) -> list[str]:
    """Returns the comparison with a score from elsewhere."""
    lines = [
        gettext(
            "On the {accounts} customers and {months} month ends that both know, with {places} places each:",
            accounts=number(comparison.accounts),
            months=comparison.months,
            places=number(comparison.places),
        )
    ]
    if comparison.inverted:
        lines.append(gettext("Low values of {name} mean risk.", name=comparison.name))
    if not comparison.left:
        return [*lines, gettext("cannot tell: none of these customers left")]
    lines += [
        gettext("Reached in time by this score: {share} who left.", share=of_whole(comparison.ours)),
        gettext(
            "Reached in time by {name}: {share} who left.", name=comparison.name, share=of_whole(comparison.theirs)
        ),
        gettext("Reached by both: {n}.", n=comparison.both),
    ]
    if comparison.conclusion:
        lines.append(_concluded(comparison))
    if comparison.difference:
        lines.append(
            gettext(
                "By yearly value: {ours} against {theirs} of {total}; difference {difference} points.",
                ours=money(comparison.our_revenue, card.currency),
                theirs=money(comparison.their_revenue, card.currency),
                total=money(comparison.revenue, card.currency),
                difference=_points(comparison.difference),
            )
        )
    return lines


def _concluded(comparison: Compared) -> str:
    assert comparison.conclusion
    of = comparison.conclusion.difference
    values = {
        "difference": _points(Interval(of.value, of.low, of.high)),
        "p": number(of.p, 3),
        "n": number(of.n),
    }
    match comparison.conclusion.judgement:
        case "better":
            return gettext("This score is better: {difference} points, n = {n}, p = {p}.", **values)
        case "worse":
            return gettext("This score is worse: {difference} points, n = {n}, p = {p}.", **values)
        case "equivalent":
            return gettext("The two are equivalent: {difference} points, n = {n}.", **values)
        case "cannot tell":
            if not of.value or not of.standard_error:
                return gettext(
                    "Which is better: cannot tell, {difference} points, n = {n}; both reached the same number.",
                    **values,
                )
            needed = number(of.samples_to_find(of.value))
            return gettext(
                "Which is better: cannot tell, {difference} points, n = {n}; n needed: about {needed} who left.",
                **values,
                needed=needed,
            )


def of_whole(part: Share, *, places: int = 0) -> str:
    """Returns a share with its interval and what it is of: `43% [12, 77] of 12`."""
    if part.value is None or part.low is None or part.high is None:
        return gettext("cannot tell")
    return gettext(
        "{share} [{low}, {high}] of {n}",
        share=share(part.value),
        low=number(100 * part.low, places),
        high=number(100 * part.high, places),
        n=number(part.whole),
    )


def lead_in_full(lead: Lead) -> str:
    """Returns the median of the lead time with its interval, and the quartiles."""
    return gettext(
        "median {median} days [{low}, {high}], quartiles {first} and {third}, n = {n}",
        median=number(lead.median),
        low=number(lead.low),
        high=number(lead.high),
        first=number(lead.first_quartile),
        third=number(lead.third_quartile),
        n=lead.n,
    )


def estimate(figure: Estimate | None) -> str:
    """Returns a number with its interval."""
    return gettext("cannot tell") if figure is None else interval(figure.value, figure.low, figure.high)


def interval(value: float, low: float, high: float) -> str:
    """Returns a number with its interval, with one decimal."""
    return f"{number(value, 1)} [{number(low, 1)}, {number(high, 1)}]"


def interval_of(figure: Interval) -> str:
    """Returns a number with its interval, with one decimal."""
    return interval(figure.value, figure.low, figure.high)


def percent(figure: Interval, *, digits: int = 0) -> str:
    """Returns a share with its interval, in percent."""
    value, low, high = (number(100 * fraction, digits) for fraction in (figure.value, figure.low, figure.high))
    return f"{value}% [{low}, {high}]"


def _points(difference: Interval) -> str:
    return f"{signed(100 * difference.value)} [{signed(100 * difference.low)}, {signed(100 * difference.high)}]"


def table(groups: Groups) -> list[list[str]]:
    """Returns the rows of a table of groups, with their names."""
    return [[_name(groups.kind, group.name), *cells(group.measures)] for group in groups.groups]


def _name(kind: str, name: str) -> str:
    return gettext(name) if kind == "band" else name.replace("_", " ") if kind == "signal" else name


def headings(kind: str) -> Sequence[str]:
    """Returns the headings of a table of groups."""
    return [gettext(KINDS[kind]), *map(gettext, HEADINGS)]
