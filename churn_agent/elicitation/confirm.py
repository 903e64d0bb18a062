"""The second half of mode `read`: yes/no questions about proposed signals.

Each proposal is asked about with the sentence that it quotes, and each message as a whole is asked about leaving and
staying. For that, named companies get invented names, and foreign messages are translated. How far the model leans to
yes on words that say nothing is subtracted first (contextual calibration: Zhao et al. 2021, "Calibrate Before Use").

Naming a competitor on the card must not make a customer who leaves us for it look loyal. So a message that names one is
also read as if its name were unknown. Unless the answers say that the competitor is the company that is left, this
reading counts wherever it adds more to the score.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ValidationError

from churn_agent.content.prompts import Check, PromptTemplate, Translation, Writing, fill
from churn_agent.content.taxonomy import LEAVING, Taxonomy
from churn_agent.content.thresholds import Thresholds
from churn_agent.elicitation.base import closed_object, failure_of, string
from churn_agent.evidence.box import box
from churn_agent.evidence.grounding import find_quote, sentences
from churn_agent.evidence.naming import OTHERS, OWN, named, renamed
from churn_agent.ingest.cleaning import languages_of
from churn_agent.models.base import ChatModel, GenerateRequest, LabelScores, Message, Question, ScoreRequest, Usage
from churn_agent.scoring.prior import leaning_contribution, sigmoid

LEAVING_QUESTION, STAYING_QUESTION = "leaving", "staying"
"""Ids of the questions whether the writer leaves or stays."""
_CLOSING, _CONFIRMED = "closing", "confirmed"  # ids of other questions
_OF_RIVAL, _OF_SUMMARY = "rival ", "summary "
"""Prefixes of these ids: for questions about another company, and about the summary."""
_RIVAL = OTHERS[0]
"""Invented name of the first other company that a message names."""
_RIVAL_LEFT = 0.5
"""By how many log-odds the leaning to leave the rival must exceed the leaning to leave the company for the rival to be
the one that is left. Chosen on 24 invented sentences: the difference is at most .01 where a customer leaves the
company, and .72 to 1.29 where the rival is left."""
_YES, _NO = "Yes", "No"
ANY_COMPANY = "the company"
"""Used if no company is named, and for neutral words, so that their answers are cached for all books."""
_LONGEST_TRANSLATED = 1000
"""Characters; longer texts take too long to translate and are read untranslated."""
_LONGEST_SUMMARY = 200
"""Characters."""
_LEAST_CHARACTERS_A_TOKEN = 2
LONGEST_QUOTE = 240
"""Characters up to which a sentence or a message is quoted whole."""


class _Written(BaseModel):
    text: str


@dataclass
class Reading:
    """The reading of one message. Equal messages to the same company are read once."""

    company: str
    text: str
    companies: frozenset[str] = frozenset()
    """Names of companies that it may mention."""
    competitors: frozenset[str] = frozenset()
    """Those of them that the card of the book names."""
    translation: str | None = None
    summary: str | None = None
    """What it says in one sentence, with invented names."""
    proposals: dict[str, str] = field(default_factory=dict[str, str])
    """Signal id -> quote."""
    proposed_odds: dict[str, float] = field(default_factory=dict[str, float])
    """Signal id -> log-odds of the proposal, if known."""
    strengths: dict[str, float] = field(default_factory=dict[str, float])
    """Signal id -> strength, 0 to 1: the probability of yes (with the odds of the proposal), for signals of risk times
    that of leaving."""
    silent: bool = False
    """Whether it clearly shows no signal, so that no more questions are asked about it."""
    hint: str | None = None
    """The sentence whose words hint most at leaving, if any do."""
    leaning: float | None = None
    """Log-odds of leaving against staying."""
    rival_left: bool = False
    """Whether, by the answers, the customer leaves the other company."""
    usages: list[Usage] = field(default_factory=list[Usage])
    failure: str | None = None

    @property
    def named(self) -> set[str]:
        """The companies that it names."""
        return named(self.text, self.company, self.companies)

    @property
    def called(self) -> str:
        """The name of the company in questions. Messages without a name (only "you") get a general term."""
        return OWN if self.named else ANY_COMPANY

    @property
    def disguised(self) -> str:
        """The message as the questions quote it: translated, with invented names."""
        return self.with_invented_names(self.translation or self.text)

    @property
    def named_others(self) -> set[str]:
        """The companies that it names, except its own."""
        return self.named - {self.company.casefold()}

    @property
    def names_competitor(self) -> bool:
        """Whether it names a company that the card lists as a competitor."""
        return not self.named_others.isdisjoint(name.casefold() for name in self.competitors)

    @property
    def names_rival(self) -> bool:
        """Whether the message, as the questions quote it, also names another company."""
        return bool(self.named_others and named(self.disguised, _RIVAL, ()))

    def without_names(self) -> "Reading":
        """The same message before confirmation, with no other company known by name."""
        return replace(
            self, companies=frozenset(), proposals=dict(self.proposals), strengths=dict(self.strengths), usages=[]
        )

    def with_invented_names(self, text: str) -> str:
        """A text with invented names instead of the names of companies."""
        return renamed(text, self.company, self.companies)

    @property
    def variables(self) -> dict[str, str]:
        """The values for placeholders in prompts about the message."""
        return {"company": self.company, "message": f'"{box(self.text)}"'}


def confirm(readings: Mapping[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy) -> None:
    """Keeps the proposals that the model confirms, with their strengths, and sets the leaning of each reading.

    The prompt must have a `check`.
    """
    unnamed = {i: reading.without_names() for i, reading in readings.items() if reading.names_competitor}
    _confirm(readings, model, prompt, taxonomy)
    unnamed = {i: other for i, other in unnamed.items() if not (readings[i].failure or readings[i].rival_left)}
    for i, other in unnamed.items():
        other.translation = readings[i].translation
    _confirm(unnamed, model, prompt, taxonomy)
    for i, other in unnamed.items():
        reading = readings[i]
        reading.usages += other.usages
        if not other.failure and _adds_more(other, reading, prompt.thresholds, taxonomy):
            reading.proposals, reading.strengths, reading.leaning = other.proposals, other.strengths, other.leaning


def _adds_more(reading: Reading, other: Reading, thresholds: Thresholds, taxonomy: Taxonomy) -> bool:
    """Whether a reading adds more to the score than another one of the same message, with or without its signals."""
    leaning, other_leaning = (leaning_contribution(candidate.leaning, thresholds) for candidate in (reading, other))
    signals, other_signals = (
        sum(taxonomy.weights[id_] * strength for id_, strength in candidate.strengths.items())
        for candidate in (reading, other)
    )
    return leaning > other_leaning or leaning + signals > other_leaning + other_signals


def _confirm(readings: Mapping[int, Reading], model: ChatModel, prompt: PromptTemplate, taxonomy: Taxonomy) -> None:
    check, thresholds = prompt.check, prompt.thresholds
    assert check
    hinting = {
        i
        for i, reading in readings.items()
        # A customer who names another company may be asking to close the account there.
        if check.closing and reading.hint and not reading.named_others
    }
    speaking = {i: reading for i, reading in readings.items() if not reading.silent or i in hinting}
    for i in readings.keys() - speaking.keys():
        readings[i].leaning, readings[i].strengths = thresholds.neutral_leaning, {}
    if check.translation:
        _translate(list(speaking.values()), model, check.translation)
    if check.summary:
        _summarise([r for r in speaking.values() if r.hint or r.names_rival], model, check.summary)
    asked: list[Asked] = []
    for i, reading in speaking.items():
        for name in (LEAVING_QUESTION, STAYING_QUESTION):
            asked.append(Asked(i, reading.disguised, name))
            asked += [Asked(i, reading.summary, _OF_SUMMARY + name)] if reading.summary else []
            asked += [Asked(i, reading.disguised, _OF_RIVAL + name, _RIVAL)] if reading.names_rival else []
        asked += [Asked(i, reading.disguised, _CLOSING)] if i in hinting else []
        asked += [Asked(i, _seen(id_, reading), id_) for id_ in reading.proposals]
    odds = ask_about(asked, readings, model, check, taxonomy)
    for i in {question.reading for question in asked}:
        if not readings[i].failure:
            _weigh(readings[i], {name: value for (of, name), value in odds.items() if of == i}, thresholds, taxonomy)
    # Asked for every message that leans to leaving as a whole: small models often propose another signal for it.
    considered = taxonomy.with_role("leaving_considered")
    if considered:
        hinted = [
            Asked(i, reading.disguised, considered)
            for i, reading in readings.items()
            if _hints_at_leaving(reading, considered, taxonomy)
        ]
        for (i, _), value in ask_about(hinted, readings, model, check, taxonomy).items():
            if sigmoid(value) >= thresholds.confirmed:
                _add_wish_to_leave(readings[i], considered, sigmoid(value), taxonomy)


def _translate(readings: Sequence[Reading], model: ChatModel, translation: Translation) -> None:
    """Translates messages in other languages. A message whose translation fails is used as it is."""
    foreign: dict[str, list[Reading]] = {}
    untranslated = [
        reading for reading in readings if reading.translation is None and len(reading.text) <= _LONGEST_TRANSLATED
    ]
    for reading, language in zip(untranslated, languages_of([reading.text for reading in untranslated]), strict=True):
        if language and language != translation.language:
            foreign.setdefault(reading.text, []).append(reading)
    for translated, text in _write(foreign, model, translation, lambda text: 2 * len(text) + 20):
        for reading in translated:
            reading.translation = text


def _summarise(readings: Sequence[Reading], model: ChatModel, summary: Writing) -> None:
    """Summarises short messages. A message whose summary fails is used without one."""
    short: dict[str, list[Reading]] = {}
    for reading in readings:
        if len(reading.disguised) <= LONGEST_QUOTE:
            short.setdefault(reading.disguised, []).append(reading)
    for summed, text in _write(short, model, summary, lambda text: _LONGEST_SUMMARY):
        for reading in summed:
            reading.summary = text


def _write(
    wanted: Mapping[str, Sequence[Reading]], model: ChatModel, writing: Writing, most: Callable[[str], int]
) -> Iterator[tuple[Sequence[Reading], str]]:
    """Yields the readings of each text and the model's rewriting of it. Failures are left out.

    Args:
        wanted: text -> the readings that need its rewriting.
        model: the model that writes.
        writing: the system prompt and examples.
        most: returns the largest number of characters to write for a text.
    """
    shared = [Message("system", writing.system)]
    for example in writing.examples:
        shared += [Message("user", example.user), Message("assistant", example.assistant)]
    requests = [
        GenerateRequest(
            str(n),
            tuple(shared),
            (Message("user", box(text)),),
            closed_object({"text": string(most(text))}),
            max_tokens=most(text) // _LEAST_CHARACTERS_A_TOKEN + 20,
        )
        for n, text in enumerate(wanted)
    ]
    waiting = list(wanted.values())
    for output in model.generate(requests):
        first, *_ = readings = waiting[int(output.id)]
        first.usages.append(output.usage)  # counted for the first reading that needs it
        if failure_of(output):
            continue
        with suppress(ValidationError):
            text = _Written.model_validate_json(output.text).text.strip()
            if text:
                yield readings, text


@dataclass(frozen=True)
class Asked:
    """A question about a text: does the customer leave, stay or close the account, or does it show a signal?"""

    reading: int
    text: str
    name: str
    company: str | None = None
    """The company in the question; None for the company of the reading."""


def ask_about(
    asked: Sequence[Asked], readings: Mapping[int, Reading], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> dict[tuple[int, str], float]:
    """(Reading, name) -> log-odds of yes; for signals, minus those of neutral words. Each text is evaluated once."""
    signals = {question.name for question in asked} & taxonomy.by_id.keys()
    causeless = _odds_without_cause(signals, model, check, taxonomy)
    plain = {LEAVING_QUESTION: check.leaving, STAYING_QUESTION: check.staying, _CLOSING: check.closing or ""}
    together: dict[tuple[int, str, str], list[str]] = {}
    for question in asked:
        company = question.company or readings[question.reading].called
        together.setdefault((question.reading, question.text, company), []).append(question.name)
    requests: list[ScoreRequest] = []
    for (i, text, company), names in together.items():
        values = {"company": company, "message": f'"{box(text)}"'}
        questions = {
            name: fill(check.question, values | _about(name, company, taxonomy))
            if name in taxonomy.by_id
            else fill(plain[name.rpartition(" ")[2]], values)
            for name in names
        }
        requests.append(_request(f"{i}/{len(requests)}", values, questions, check))
    odds: dict[tuple[int, str], float] = {}
    for scores in model.score_labels(requests):
        i = int(scores.id.partition("/")[0])
        readings[i].usages.append(scores.usage)
        error = failure_of(scores)
        if error:
            readings[i].failure = str(error)
        for name, value in _log_odds(scores).items():
            odds[i, name] = value - causeless.get(name, 0.0)
    return odds


def _odds_without_cause(
    signals: Collection[str], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> Mapping[str, float]:
    """Signal id -> mean log-odds of yes over the neutral words."""
    odds: dict[str, list[float]] = {}
    for scores in model.score_labels(neutral_requests(signals, check, taxonomy)):
        odds.setdefault(scores.id.partition("/")[2], []).extend(_log_odds(scores).values())
    return {signal: sum(values) / len(values) for signal, values in odds.items() if values}


def neutral_requests(signals: Collection[str], check: Check, taxonomy: Taxonomy) -> list[ScoreRequest]:
    """The question about each signal for each of the neutral words; the same for all books."""
    requests: list[ScoreRequest] = []
    for signal in sorted(signals):
        for n, words in enumerate(check.neutral):
            values = {"company": ANY_COMPANY, "message": f'"{words}"'}
            question = fill(check.question, values | _about(signal, ANY_COMPANY, taxonomy))
            request = _request(f"{n}/{signal}", values, {_CONFIRMED: question}, check)
            requests.append(replace(request, common=True))
    return requests


def _request(id_: str, values: Mapping[str, str], questions: Mapping[str, str], check: Check) -> ScoreRequest:
    return ScoreRequest(
        id_,
        shared=(Message("system", fill(check.system, {"company": values["company"]})),),
        context=fill(check.context, values),
        questions=tuple(Question(name, text, (_YES, _NO)) for name, text in questions.items()),
    )


def _about(signal: str, company: str, taxonomy: Taxonomy) -> dict[str, str]:
    return {"definition": fill(taxonomy.by_id[signal].definition, {"company": company})}


def _log_odds(scores: LabelScores) -> dict[str, float]:
    """Question id -> log-odds of yes."""
    return {name: labels[_YES] - labels[_NO] for name, labels in scores.log_probabilities.items()}


def _seen(signal: str, reading: Reading) -> str:
    """The text for the check of a proposal: its sentence, or the whole message if the sentence was scored before."""
    if signal in reading.proposed_odds:
        return reading.disguised
    return reading.with_invented_names(_sentence(reading.proposals[signal], reading.text))


def _sentence(quote: str, text: str) -> str:
    """The sentence or sentences that contain a quote; the quote itself if it is not in the text."""
    span = find_quote(quote, text)
    if span is None:
        return quote
    around = [(start, end) for start, end in sentences(text) if end > span[0] and start < span[1]]
    start, end = around[0][0], around[-1][1]
    return text[start:end] if end - start <= LONGEST_QUOTE else text[span[0] : span[1]]


def _weigh(reading: Reading, odds: Mapping[str, float], thresholds: Thresholds, taxonomy: Taxonomy) -> None:
    """Keeps the confirmed proposals and sets the leaning.

    Signals of risk count in proportion to the leaning of the whole message, which may be about another person, or
    friendly.
    """
    own, rival = _leaning_of("", odds), _leaning_of(_OF_RIVAL, odds)
    reading.rival_left = own is not None and rival is not None and rival - own >= _RIVAL_LEFT
    plain, closing = _plain_leaning(odds, thresholds.rival_share), odds.get(_CLOSING, -math.inf)
    closes = closing >= thresholds.closes
    if reading.silent and not closes:
        reading.leaning, reading.strengths = thresholds.neutral_leaning, {}
        return
    reading.leaning = max(plain, closing - thresholds.less_sure) if closes else plain
    yes = {id_: sigmoid(odds[id_] + _weight_of_proposal(id_, reading, taxonomy)) for id_ in reading.proposals}
    reading.strengths = {
        id_: yes[id_] * (_of_risk(reading) if taxonomy.by_id[id_].polarity == "risk" else 1.0)
        for id_ in reading.proposals
        if yes[id_] >= thresholds.confirmed and _agrees(id_, reading.leaning, thresholds, taxonomy)
    }
    announced = taxonomy.with_role("leaving_announced")
    if announced and closes and plain <= 0 and reading.hint and not _says_leaving(reading, taxonomy):
        reading.proposals[announced], reading.strengths[announced] = reading.hint, sigmoid(closing)
    _one_signal_a_quote(reading)


def _plain_leaning(odds: Mapping[str, float], rival_share: float) -> float:
    """The leaning by the answers about leaving and staying."""
    own, summary, rival = (_leaning_of(which, odds) for which in ("", _OF_SUMMARY, _OF_RIVAL))
    assert own is not None
    leaning = own if summary is None else (own + summary) / 2
    return leaning if rival is None else leaning - rival_share * rival


def _leaning_of(which: str, odds: Mapping[str, float]) -> float | None:
    """The leaning by one pair of questions; None if they were not asked."""
    if which + LEAVING_QUESTION not in odds:
        return None
    return (odds[which + LEAVING_QUESTION] - odds[which + STAYING_QUESTION]) / 2


def _of_risk(reading: Reading) -> float:
    """The factor for signals of risk: the probability that the author of this message leaves."""
    return sigmoid(2 * (reading.leaning or 0.0))


def _hints_at_leaving(reading: Reading, considered: str, taxonomy: Taxonomy) -> bool:
    """Whether a message leans to leaving without a signal of it so far."""
    if reading.failure or reading.leaning is None or reading.leaning <= 0:
        return False
    return considered not in reading.proposals and not _says_leaving(reading, taxonomy)


def _says_leaving(reading: Reading, taxonomy: Taxonomy) -> bool:
    """Whether a confirmed signal says that the customer leaves."""
    return not taxonomy.leaving.isdisjoint(reading.strengths)


def _add_wish_to_leave(reading: Reading, considered: str, yes: float, taxonomy: Taxonomy) -> None:
    """Adds the signal `considered`, replacing disengagement, which models confuse with it."""
    mistaken = next((id_ for id_ in reading.strengths if taxonomy.role_of(id_) == "disengagement"), None)
    quote = reading.proposals[mistaken] if mistaken else reading.text
    if mistaken:
        del reading.strengths[mistaken]
    if len(quote) <= LONGEST_QUOTE:
        reading.proposals[considered] = quote
        reading.strengths[considered] = yes * _of_risk(reading)


def _one_signal_a_quote(reading: Reading) -> None:
    """Of several signals on the same words, the strongest stays."""
    for id_ in sorted(reading.strengths, key=lambda id_: reading.strengths[id_]):
        quote = reading.proposals[id_].casefold()
        if any(other != id_ and quote in reading.proposals[other].casefold() for other in reading.strengths):
            del reading.strengths[id_]


def _weight_of_proposal(signal: str, reading: Reading, taxonomy: Taxonomy) -> float:
    """The log-odds of the proposal. Proposals ignore companies, so for leaving and staying they only count against."""
    odds = reading.proposed_odds.get(signal, 0.0)
    return min(odds, 0.0) if taxonomy.role_of(signal) in (*LEAVING, "staying") else odds


def _agrees(signal: str, leaning: float, thresholds: Thresholds, taxonomy: Taxonomy) -> bool:
    """Whether a signal about leaving or staying, or about who is better, fits the answers to the plain questions."""
    role = taxonomy.role_of(signal)
    if role in LEAVING or role == "competitor":
        return leaning > 0  # likelier to leave than to stay
    return role != "staying" or leaning < thresholds.leaving_leaning
