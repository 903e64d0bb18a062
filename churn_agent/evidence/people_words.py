"""Sentences in which people say what they are, that they have come, or that somebody leaves: English and German."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from churn_agent.evidence.end_dates import whole_sentences
from churn_agent.evidence.patterns import MOST

_NAME = r"(?P<{}>(?-i:[A-ZÄÖÜ][\w'’-]+(?: (?:van |von |de |der |di |la )?[A-ZÄÖÜ][\w'’-]+){{0,2}}))"
_COMPANY = (
    r"(?:the|our|this|das|unser|dieses) (?:company|firm|business|organi[sz]ation|unternehmen|haus|betrieb)|die firma"
)
_DECIDES = re.compile(
    r"\b(?:ceo|cfo|coo|cto|cio|cpo|chief \w+ officer|(?:co-?)?founder|owner|proprietor|president|vp|vice president"
    r"|(?:managing |executive |finance |it |operations |marketing |sales )?director|head of|partner|procurement"
    r"|purchasing manager|geschäftsführ\w*|inhaber\w*|vorst[aä]nd\w*|\w*leiter(?:in)?|leitung|prokurist\w*|einkauf\w*"
    r"|gründer\w*)\b",
    re.IGNORECASE,
)
_USES = re.compile(
    r"\b(?:administrator\w*|admin|developer|engineer|analyst|assistant|clerk|operator|coordinator|specialist|user"
    r"|technician|sachbearbeiter\w*|assisten[tz]\w*|entwickler\w*|anwender\w*|disponent\w*|techniker\w*|buchhalter\w*)\b",
    re.IGNORECASE,
)
_LONGEST_TITLE = 60
_SELF = re.compile(
    r"\b(?:i am|i'm|i’m|as|my role (?:is|as)|ich bin|als) (?:the |a |an |our |new |der |die |ein |eine |neue[rn]? )*"
    r"(?P<title>[^.,;!?]{2,50})",
    re.IGNORECASE,
)
_CHAMPIONS = re.compile(
    r"\bi (?:have |['’]ve )?(?:recommended you|pushed for (?:you|this)|convinced (?:my|our) \w+|brought you in"
    r"|fought for (?:you|this)|vouched for you)\b|\bich habe (?:sie|euch|dich) (?:empfohlen|ins haus geholt)\b"
    r"|\bich habe mich für (?:sie|euch) (?:eingesetzt|starkgemacht|stark gemacht)\b",
    re.IGNORECASE,
)
_USER_WORDS = re.compile(
    r"\bi (?:use|work with|work in) (?:it|this|the \w+|your \w+) (?:every day|daily|all day)\b"
    r"|\bich (?:arbeite|nutze|benutze)\b[^.!?]{0,40}\b(?:täglich|jeden tag)\b",
    re.IGNORECASE,
)
_I_LEAVE = re.compile(
    rf"\bmy last (?:working )?day\b|\bi(?:['’]m| am|['’]ll be| will be)? leav(?:e|ing) (?:{_COMPANY})"
    r"|\bi(?:['’]m| am|['’]ll be| will be) retir(?:e|ing)\b"
    r"|\bi (?:will )?no longer (?:work|be working) (?:here|for|at)\b"
    r"|\bi(?:['’]m| am) moving on to a new (?:role|job|position|challenge)\b"
    rf"|\bmein letzter (?:arbeits)?tag\b|\bich verlasse (?:{_COMPANY})|\bich scheide\b[^.!?]{{0,40}}\baus\b"
    r"|\bich gehe\b[^.!?]{0,30}\bin (?:rente|den ruhestand)\b|\bich wechsele? (?:den arbeitgeber|das unternehmen)\b",
    re.IGNORECASE,
)
_OTHER_LEFT = re.compile(
    rf"{_NAME.format('who')} (?:(?:has (?:now )?)?left (?:{_COMPANY})"
    r"|(?:has (?:now )?)?left us(?= (?:at|on|last|in)\b|[.,;!]|$)"
    r"|is no longer (?:with (?:us|the company)|employed|working (?:for|here|with us)|at the company)"
    r"|no longer works (?:here|for|at|with us)|has retired"
    rf"|hat (?:{_COMPANY}|uns) verlassen|ist nicht mehr (?:bei uns|für uns|im unternehmen|im haus)"
    r"|arbeitet nicht mehr (?:hier|bei|für)|ist (?:ausgeschieden|in rente))",
    re.IGNORECASE,
)
_TITLE = r"(?:mr\.? |ms\.? |mrs\.? |herrn? |frau |my colleague |meine[nr]? kolleg\w+ )?"
_SUCCESSOR = re.compile(
    r"\b(?:successor(?: is| will be|,)?|taking over from me is|please (?:contact|write to|turn to)"
    r"|your new contact(?: is| will be)?|nachfolger(?:in)?(?: ist| wird|,)?"
    r"|ansprechpartner(?:in)? (?:ist|wird)(?: künftig| nun| jetzt)?|wenden sie sich (?:bitte )?an)"
    rf" {_TITLE}{_NAME.format('next')}"
    rf"|{_NAME.format('next2')} (?:will take over|takes over|is taking over|has taken over|übernimmt|wird übernehmen)",
    re.IGNORECASE,
)
_I_ARRIVE = re.compile(
    r"\bi(?:['’]ve| have)? (?:just |recently )?(?:taken over|took over|am taking over)\b|\bi(?:['’]m| am) taking over\b"
    r"|\bi(?:['’]m| am) (?:the|your|a) new \w+|\bi(?:['’]ve| have) (?:just|recently) (?:joined|started)\b"
    r"|\bich bin (?:der|die|ihr|ihre|eure?) neue[rn]? \w+|\bich habe\b[^.!?]{0,60}\bübernommen\b"
    r"|\bich bin neu (?:hier|im (?:unternehmen|team))",
    re.IGNORECASE,
)
_AFTER_ME = re.compile(rf"\b(?:from|von|for) {_TITLE}{_NAME.format('before')}", re.IGNORECASE)
_NOT = re.compile(
    r"\?|\b(?:if|unless|would|might|(?-i:may)|when|whether|wenn|falls|würde|ob|nicht verlassen)\b", re.IGNORECASE
)
_NO_NAMES = frozenset(
    """the this that she he they we you it our your my as sadly unfortunately since hello hi dear please note who
    die der das sie er wir es ihr unser leider hallo da seit frau herr mr mrs ms""".split()
)
"""Words at the beginning of a sentence that are no names."""


class Move(NamedTuple):
    """An arrival or a departure in a text; `start` and `end` are the offsets of its sentence."""

    kind: Literal["arrived", "left"]
    name: str | None
    """None for the author of the text."""
    successor: str | None
    start: int
    end: int


def role_of_title(title: str) -> Literal["decision maker", "user"] | None:
    """Returns the role that a job title stands for; None for no title, or a long text."""
    text = title.strip()
    if not text or len(text) > _LONGEST_TITLE:
        return None
    return "decision maker" if _DECIDES.search(text) else "user" if _USES.search(text) else None


def role_in_words(text: str) -> tuple[Literal["decision maker", "champion", "user"], str] | None:
    """Returns the role that people give themselves, and the words; None if they do not."""
    for start, end in whole_sentences(text[:MOST]):
        sentence = text[start:end]
        if _NOT.search(sentence):
            continue
        if match := _CHAMPIONS.search(sentence):
            return "champion", match[0]
        for match in _SELF.finditer(sentence):
            role = role_of_title(match["title"])
            if role:
                return role, match[0].strip()
        if match := _USER_WORDS.search(sentence):
            return "user", match[0]
    return None


def moves_in(text: str) -> Iterator[Move]:
    """Yields arrivals and departures in a text, each with its sentence. Conditions and questions are none."""
    if len(text) > MOST:
        return
    sentences = [(start, end, text[start:end]) for start, end in whole_sentences(text)]
    successor = next((name for *_, sentence in sentences if (name := _successor(sentence))), None)
    for start, end, sentence in sentences:
        if _NOT.search(sentence):
            continue
        if _I_LEAVE.search(sentence):
            yield Move("left", None, successor, start, end)
        for match in _OTHER_LEFT.finditer(sentence):
            if name := _name(match["who"]):
                yield Move("left", name, successor, start, end)
        if _I_ARRIVE.search(sentence):
            yield Move("arrived", None, None, start, end)
            before = _AFTER_ME.search(sentence)
            if before and (name := _name(before["before"])):
                yield Move("left", name, None, start, end)


def _name(text: str) -> str | None:
    """Returns the name in capitalised words, without those that only begin a sentence; None if there is none."""
    words = text.split()
    while words and words[0].casefold() in _NO_NAMES:
        words = words[1:]
    return " ".join(words) or None


def _successor(sentence: str) -> str | None:
    match = _SUCCESSOR.search(sentence)
    return _name(match["next"] or match["next2"]) if match else None
