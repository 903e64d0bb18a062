"""Sentences of facts, reasons, actions and lists in the current language.

Records are in English. What code wrote into them is recognised by the form of the sentence and said again in the other
language, with its numbers and days in that language's form; words of customers, names, and texts of a playbook or
taxonomy that the catalogue does not know stay as they are. The plain sentences of the shipped playbook and taxonomy are
messages of the catalogue too.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import cache, lru_cache

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.reports.language import current, day, gettext, noop, number, share, speaking

_PLACE = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"-?\d{1,3}(?:,?\d{3})*(?:\.(?P<digits>\d+))?")
_SEVERAL = re.compile(r"(?<= times), |(?<= interaction), |(?<= interactions), |(?<=\d{4}-\d\d-\d\d), ")
"""Between the parts of a list of sentences or days."""
_AMOUNT = re.compile(r"(?P<currency>\S{1,5}) (?P<amount>-?[\d,]+\.\d\d)")
_SHARE = re.compile(r"\d+%")
_DATED = re.compile(r"(?P<statement>.+) \((?P<days>\d{4}-\d\d-\d\d(?:, \d{4}-\d\d-\d\d)*)\)")
_DEPTH = 4
"""Most sentences within sentences."""


def _forms(one: str, many: str) -> tuple[str, str]:
    """Marks a sentence with a number `{n}` for the catalogue."""
    return one, many


_ACTIVITY = (
    noop("They were last active {when}."),
    noop("The only thing they did on record was {when}."),
    noop("on the day of the assessment"),
    _forms("{n} day before", "{n} days before"),
    _forms("There is {n} interaction ({mix}).", "There are {n} interactions ({mix})."),
    _forms("The history goes back {n} day.", "The history goes back {n} days."),
    _forms("They were active on {n} day.", "They were active on {n} days."),
    _forms("They usually come back after {n} day.", "They usually come back after {n} days."),
    noop("The silence so far is {ratio} times their usual gap."),
    noop("The silence so far is {ratio} times their usual gap, and longer than any before."),
    noop("The silence so far is within their usual gap."),
    _forms("Their longest break so far was {n} day.", "Their longest break so far was {n} days."),
    _forms(
        "In the last {days} days they were active on {n} day.", "In the last {days} days they were active on {n} days."
    ),
    _forms(
        "In the last {days} day they were active on {n} day.", "In the last {days} day they were active on {n} days."
    ),
    noop("Lately they are as active as before."),
    noop("Lately they are less active than before ({ratio} of their own rate)."),
    noop("Lately they are more active than before ({ratio} of their own rate)."),
    noop("{n} contacts wrote ({names})."),
    noop("{name} {n} times"),
    _forms(
        "Their main contact, {name}, has not written for {n} day, while others have.",
        "Their main contact, {name}, has not written for {n} days, while others have.",
    ),
)
_MONEY = (
    _forms(
        "The amounts sum up to {amount} over {n} interaction.", "The amounts sum up to {amount} over {n} interactions."
    ),
    noop("The amounts sum up to {amounts}."),
    _forms("{currency} {amount} over {n} interaction", "{currency} {amount} over {n} interactions"),
    noop("no currency"),
    noop("A recent amount is {ratio} of an earlier one on average."),
    _forms("{n} bill is overdue, {since}.", "{n} bills are overdue, {since}."),
    _forms("for {n} day", "for {n} days"),
    _forms("for {n} day ({sum})", "for {n} days ({sum})"),
    _forms("the oldest for {n} day", "the oldest for {n} days"),
    _forms("the oldest for {n} day ({sum})", "the oldest for {n} days ({sum})"),
    _forms("The oldest overdue bill was due {n} day before.", "The oldest overdue bill was due {n} days before."),
    _forms("{n} payment failed or bounced, {when}.", "{n} payments failed or bounced, {when}."),
    noop("the last one {when}"),
    noop("on the day of the assessment ({sum})"),
    _forms("{n} day before ({sum})", "{n} days before ({sum})"),
)
_TROUBLES = (
    noop("The history has {n} x return or cancellation."),
    noop("The history has {n} x complaint."),
    noop("The history has {n} x missed deadline or appointment."),
    _forms(
        "{n} message at the end of the history got no answer.", "{n} messages at the end of the history got no answer."
    ),
    noop("Their last rating is {value}, the mean of {n} is {mean}."),
    noop("Their last score is {value}, the mean of {n} is {mean}."),
    _forms("The last rating is {n} day old.", "The last rating is {n} days old."),
    _forms("The last score is {n} day old.", "The last score is {n} days old."),
)
_CONTRACT = (
    noop("Their term ended on {day} and the contract goes on, so that they can leave at short notice."),
    noop("The contract ({term}) means that the customer can leave at short notice."),
    noop("The contract ({term}) means that the customer is bound for a term."),
    _forms(
        "Their term ended on {day}, {n} day before, and no new one is on record.",
        "Their term ended on {day}, {n} days before, and no new one is on record.",
    ),
    _forms(
        "Their contract ends or renews on {day}, in {n} day.", "Their contract ends or renews on {day}, in {n} days."
    ),
    _forms("The last day to give notice is {day}, in {n} day.", "The last day to give notice is {day}, in {n} days."),
    noop("The last day to give notice was {day}."),
    noop("Their seats fell from {before} to {now}."),
    noop("Their seats rose from {before} to {now}."),
    noop("An agreed pause lasts until {day} (attribute {name}), so silence says nothing."),
    noop("An agreed pause lasts without an end date (attribute {name}), so silence says nothing."),
    noop("A pause without an end date (attribute {name}) has lasted {n} days, so it no longer explains the silence."),
    noop("Kind of book: {kind} ({evidence})."),
    noop("contract"),
    noop("subscription"),
    noop("repeat purchases"),
    noop("membership"),
    noop("account"),
    noop("the card says so"),
    noop("churn means that they do not come back"),
    noop("from the attribute {name}"),
    noop("from the meaning of churn on the card"),
    noop("from the domain on the card"),
    noop("from the channel {name}"),
    noop("from bills at regular times"),
)
_USAGE = (
    noop("Usage ({metric}) in the last {days} days is {ratio} of their own usual level."),
    _forms(
        "Usage ({metric}) stopped on {day}, {n} day before the end of the data.",
        "Usage ({metric}) stopped on {day}, {n} days before the end of the data.",
    ),
    noop("In the last {days} days they used it on {ratio} of their own usual number of days."),
    _forms("They stopped using it on {day}, {n} day before.", "They stopped using it on {day}, {n} days before."),
    noop("Measured {metric}: the average of the last {days} days is {size}, {ratio} of their usual {usual}."),
    noop("Measured {metric}: the total of the last {days} days is {size}, {ratio} of their usual {usual}."),
    noop("A year ago, {metric} of the same weeks was {ratio} of the usual too, so this looks seasonal."),
    noop("Measured {metric} per seat is {rate}, {ratio} of their usual {usual}."),
    noop(
        "Measured {metric} stopped on {day}, {n} days before the end of the data; until then it came every {gap} days."
    ),
    noop("Their last {metric} is {value}, on {day}."),
    noop("Of the {n} past customers whose words were most alike, {left} left."),
)
_REASONS = (
    noop("Has done nothing for {n} days."),
    noop("Has been active lately."),
    noop("Is a new customer, of {n} days."),
    noop("Has been a customer for {n} days."),
    noop("Has been active on few days: {n}."),
    noop("Has been active on {n} days."),
    noop("Mentioned ending it, but long ago or not plainly."),
    noop("Had a problem, which was solved."),
    noop("Taken as a whole, {messages} reads like leaving."),
    noop("Taken as a whole, {messages} reads like staying."),
    noop("Taken as a whole, {messages} read like leaving."),
    noop("Taken as a whole, {messages} read like staying."),
    noop("the one message"),
    noop("the one message with a signal"),
    noop("the {n} messages"),
    noop("the {n} messages with signals"),
    noop("Announced on {day} that they leave {company}, with the end on {end}; it stands."),
    noop("Announced on {day} that they leave {company}; it stands."),
    noop("Notice was given, with the end on {end}; it stands."),
    noop("Notice was given, known since {day}; it stands."),
    noop("Gave notice on {day}, which does not stand since {end}: {why}."),
    noop("taken back"),
    noop("renewed"),
    noop("wants to stay"),
    noop("the outcome says that they stayed"),
    noop("a new contract began"),
    noop("What they wrote"),
    noop("Chosen by the model for what it was shown."),
    noop("outcome"),
    noop("attribute {name}"),
    noop("below {edge}"),
    noop("from {edge}"),
    noop("a score of {n}"),
    noop("{edge}, the base rate"),
    noop("{edge}, three times the odds of the base rate"),
    noop("{edge}, reached by {reached} of {customers} customers (bands by capacity)"),
    noop("near a boundary, and {band} at the assessment before"),
    noop("the announcement to leave stands"),
)
_LISTS = (
    noop("former customer"),
    noop("needs a person's attention first"),
    noop("not to be called"),
    noop("not to be contacted"),
    noop("contacted on {day}"),
    noop("promised for {day}"),
    noop("promised for {day} by {name}"),
    noop("the customer refuses the channel of “{action}”"),
    noop("an action is decided"),
    noop("nothing for now"),
    noop("already known"),
    noop("the capacity for “{action}” is used up"),
    noop("no action in the playbook answers these reasons"),
    noop("no action in the playbook applies"),
    noop("the reasons weigh too little for an action"),
    noop("the condition of “{action}” does not hold ({condition})"),
    noop("“{action}” was done in the last {n} days"),
    noop("too little history: {messages}, and known for less than {n} days"),
    noop("no messages"),
    _forms("{n} text of unknown authors, not read", "{n} texts of unknown authors, not read"),
    noop("could not be read"),
    noop("screened only: other customers come first"),
    noop("the company"),
    noop("the customer stops being a customer"),
)
SENTENCES: tuple[str | tuple[str, str], ...] = (
    *(*_ACTIVITY, *_MONEY, *_TROUBLES, *_CONTRACT, *_USAGE, *_REASONS, *_LISTS),
)
"""All sentences that code below this package writes for readers; those with a number in both forms."""
_ANYTHING = ".+?"
_DAY = r"\d{4}-\d\d-\d\d"
_FORM = {"n": r"[\d,.]+", "days": r"\d+", "day": _DAY, "end": _DAY, "amount": r"-?[\d,.]+"}
"""Place -> what can stand there; anything elsewhere."""
_DATA = frozenset("name metric term company condition mix".split())
"""Places whose text is from data and stays as it is."""


def translated(text: str) -> str:
    """Returns a sentence of a record in the current language; unchanged if it is not known."""
    return text if current().is_source or not text else _translated(text, str(current().locale))


def form_of(template: str) -> str:
    """Returns a text of the taxonomy with `{company}` for `$company`, as it is in the catalogue."""
    return template.replace("$company", "{company}")


@lru_cache(maxsize=20_000)
def _translated(text: str, locale: str) -> str:
    with speaking(locale):
        known = _known(text, _DEPTH)
    return text if known is None else known


def _known(text: str, depth: int) -> str | None:
    message = gettext(text)
    if message != text:
        return message
    if depth == 0:
        return None
    dated = _DATED.fullmatch(text)
    if dated:  # the reason of an action, with the days of its quotes
        statement = _known(f"{dated['statement']}.", depth - 1) or _known(dated["statement"], depth - 1)
        if statement:
            return f"{statement.removesuffix('.')} ({_value('days', dated['days'], depth - 1)})"
    for pattern, render in _patterns():
        match = pattern.fullmatch(text)
        if match:
            places = match.groupdict()
            return render(places, {name: _value(name, value, depth - 1) for name, value in places.items()})
    return None


def _value(place: str, text: str, depth: int) -> str:
    """Returns a number, a share, a day, a sentence or a list of these in the current language; else the text."""
    if place in _DATA:
        return text
    if match := _NUMBER.fullmatch(text):
        return number(float(text.replace(",", "")), len(match["digits"] or ""))
    if _SHARE.fullmatch(text):
        return share(int(text.removesuffix("%")) / 100)
    if match := _AMOUNT.fullmatch(text):
        return f"{number(float(match['amount'].replace(',', '')), 2)}\u00a0{match['currency']}"
    with suppress(ValueError):
        return day(date.fromisoformat(text))
    parts = _SEVERAL.split(text)
    if len(parts) > 1:
        return ", ".join(_value(place, part, depth) for part in parts)
    known = _known(text, depth)
    return text if known is None else known


Render = Callable[[dict[str, str], dict[str, str]], str]
"""Says a sentence: takes the places as they were, and in the current language."""


@cache
def _patterns() -> list[tuple[re.Pattern[str], Render]]:
    """Returns the forms of the sentences with places, the most specific first, and how each is said."""
    with_company = [form_of(signal.statement) for signal in load_taxonomy().signals if "$" in signal.statement]
    forms: list[tuple[str, Render]] = []
    for sentence in (*SENTENCES, *with_company):
        render = _plain(sentence) if isinstance(sentence, str) else _counted(*sentence)
        forms += [(form, render) for form in ((sentence,) if isinstance(sentence, str) else sentence) if "{" in form]
    forms.sort(key=lambda pair: -len(_PLACE.sub("", pair[0])))
    return [(_pattern(form), render) for form, render in forms]


def _pattern(form: str) -> re.Pattern[str]:
    parts = _PLACE.split(form)
    places = [f"(?P<{name}>{_FORM.get(name, _ANYTHING)})" for name in parts[1::2]]
    return re.compile("".join(a + b for a, b in zip(map(re.escape, parts[::2]), [*places, ""], strict=True)))


def _plain(sentence: str) -> Render:
    return lambda _, values: gettext(sentence, **values)


def _counted(one: str, many: str) -> Render:
    def render(places: dict[str, str], values: dict[str, str]) -> str:
        n = 1 if places["n"] == "1" else 2
        return current().translations.ngettext(one, many, n).format(**values)

    return render
