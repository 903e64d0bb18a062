"""Who speaks: from a column, a direction, a list of the company's own people, or the kind of channel."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from churn_agent.domain.contacts import author_of
from churn_agent.domain.interactions import Direction, Speaker
from churn_agent.domain.wording import counted
from churn_agent.ingest.people import is_address_or_domain, name_key
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.mail.machines import is_person
from churn_agent.ingest.readers.mail.own import Own

_WORDS: Mapping[Speaker, str] = {
    "customer": """customer client inbound in incoming received requester end_user enduser visitor lead
        contact consumer subscriber buyer shopper guest kunde kundin kunden eingehend klant cliente clientes
        incoming_email""",
    "company": """company agent outbound out outgoing sent admin staff support operator employee rep representative
        advisor adviser csr csm us internal team teammate owner mitarbeiter mitarbeiterin ausgehend agente agent_reply
        outgoing_email""",
    "machine": """machine bot system automation automatic auto automated workflow chatbot virtual_agent trigger app
        notification""",
    "other": "other third_party",
    "unknown": "unknown",
}
"""Speaker -> words for it in columns of roles and directions. `user` is not among them: in some systems a user is a
customer, in others an employee."""
WORDS: Mapping[str, Speaker] = {
    word: speaker for speaker, words in _WORDS.items() for word in (*words.split(), speaker)
}
_WAYS = frozenset("inbound incoming outbound outgoing eingehend ausgehend".split())
"""Directions that say who speaks also with words behind them: `outbound-api`, `Incoming call`."""
DIRECTION_OF: Mapping[Speaker, Direction] = {"customer": "inbound", "company": "outbound"}
_OWN_VOICE = frozenset(
    """review reviews app_review testimonial survey surveys nps csat feedback form contact_form web_form webform social
    social_media social_post post tweet comment complaint""".split()
)
"""Channels in which customers speak for themselves, so that a missing author is the customer."""
_ANSWERS: tuple[Speaker, ...] = ("customer", "company", "machine", "other")
_WHY = (
    "unknown words: do they mean that the customer or the company speaks? If the column is about something else: "
    "columns: {{{field}: null}}"
)
_MOST_QUESTIONS = 10
"""Most questions about the words of a column."""
_SHOWN_WORDS = 5


def speaker_of(word: str) -> Speaker | None:
    """Returns the speaker for a word in a column of roles or directions; None for an unknown word."""
    plain = _plain(word)
    first = plain.partition("_")[0]
    return WORDS.get(plain) or (WORDS[first] if first in _WAYS else None)


def is_own_voice(channel: str) -> bool:
    """Whether only customers write in a channel: reviews, surveys, posts, feedback, forms."""
    return _plain(channel) in _OWN_VOICE


def _plain(word: str) -> str:
    return "_".join(word.casefold().replace("-", " ").replace("_", " ").split())


class OwnPeople:
    """The company's people, from names, addresses and domains."""

    def __init__(self, names: Iterable[str]) -> None:
        """Creates the list.

        Args:
            names: names of people, addresses (`ana@acme.example`), domains (`@acme.example` or `acme.example`), which
                include their subdomains.
        """
        names = tuple(names)
        self._listed = frozenset(name.strip().casefold() for name in names)
        self._names = frozenset(filter(None, (name_key(name) for name in names if "@" not in name)))
        self._addresses = Own(filter(is_address_or_domain, names))

    def __contains__(self, author: str) -> bool:
        name, address = author_of(author)
        return name_key(name) in self._names or address in self._addresses

    def __bool__(self) -> bool:
        return bool(self._names or self._addresses)

    def is_machine(self, author: str) -> bool:
        """Whether an author is an address of a listed domain that is not a person's, such as `noreply@acme.example`.

        An address that is listed itself is not a machine's.
        """
        address = author_of(author).address
        return address in self._addresses and address not in self._listed and not is_person(address)


def unknown_words(field: str, counts: Counter[str], known: Mapping[str, str]) -> list[Question]:
    """Returns questions for the words of a column of roles or directions that have no known speaker.

    Frequent words are asked about one by one. If there are more than ten, the rare ones share the last question.

    Args:
        field: `speaker` or `direction`.
        counts: the column's words and their numbers of rows.
        known: the mapping's own words -> speakers.
    """
    unknown = [
        (word, n) for word, n in counts.most_common() if word.strip() and speaker_of(known.get(word, word)) is None
    ]
    alone = len(unknown) if len(unknown) <= _MOST_QUESTIONS else _MOST_QUESTIONS - 1
    questions = [_question(field, [word], f"{word!r} ({counted(n, 'row')})") for word, n in unknown[:alone]]
    rest = unknown[alone:]
    if rest:
        shown = ", ".join(repr(word) for word, _ in rest[:_SHOWN_WORDS])
        rows = counted(sum(n for _, n in rest), "row")
        about = f"{len(rest)} other words ({rows}), such as {shown}"
        questions.append(_question(field, [word for word, _ in rest], about))
    return questions


def _question(field: str, words: Sequence[str], about: str) -> Question:
    def answer(option: str) -> dict[str, dict[str, dict[str, str]]]:
        return {"values": {field: dict.fromkeys(words, option)}}

    return Question(f"{field}: {about}", _WHY.format(field=field), _ANSWERS, answer)


def settle(
    *,
    spoken: str,
    direction: str,
    author: str,
    channel: str,
    is_record: bool,
    own: OwnPeople,
    unknown_is: Speaker,
    machines: OwnPeople | None = None,
) -> Speaker:
    """Returns the speaker of one row.

    A machine comes first: where the mapping lists it, an address of ours is not a person's (`noreply@`), or a word says
    so, because machines write under the company's addresses.

    Args:
        spoken: word of the column `speaker`, in the mapping's values.
        direction: word of the column `direction`.
        author: name or address of the author.
        channel: channel of the row.
        is_record: whether systems write in the channel; a row without an author is then an act of the customer.
        own: the company's people.
        unknown_is: speaker of rows of which nothing else says so.
        machines: the company's programs.
    """
    words: list[Speaker] = [known for word in (spoken, direction) if word and (known := speaker_of(word))]
    if "machine" in words[:1] or (author and (author in (machines or ()) or own.is_machine(author))):
        return "machine"
    if author and author in own:
        return "company"
    if words:
        first: Speaker = words[0]
        return unknown_is if first == "unknown" else first
    if own and author:
        return "customer"
    if is_record or is_own_voice(channel):
        return "customer"
    return unknown_is
