"""Whose people the speakers of a call are."""

import re
from collections.abc import Iterable, Mapping

from churn_agent.domain.contacts import author_of
from churn_agent.domain.interactions import Direction
from churn_agent.ingest.people import is_address_or_domain, name_key
from churn_agent.ingest.readers.mail.own import Own

_WORDS = {
    "company": """agent support support_agent support_team customer_support customer_service customer_care service
        service_desk helpdesk advisor adviser representative rep sales_rep sales operator staff employee
        consultant account_manager customer_success_manager csm host mitarbeiter mitarbeiterin berater beraterin
        kundenservice kundendienst kundenberater kundenberaterin hotline conseiller conseillère service_client
        agente operador operadora asesor asesora operatore operatrice consulente assistenza medewerker
        klantenservice handläggare kundtjänst kundeservice konsultant 客服 坐席 担当者 オペレーター 상담원""",
    "customer": """customer client caller consumer subscriber kunde kundin anrufer anruferin appelant appelante cliente
        klant beller kund asiakas klient zákazník клиент 客户 顾客 顧客 お客様 고객""",
    "machine": """bot chatbot voicebot ivr system virtual_agent virtual_assistant automated_message announcement
        recording ansage bandansage serveur_vocal""",
}
_ROLES = {word.replace("_", " "): side for side, words in _WORDS.items() for word in words.split()}
"""Role -> who speaks."""
_PERSON_ROLE = re.compile(
    r"(?:agent|advisor|adviser|representative|rep|operator|csm|berater(?:in)?|"
    r"mitarbeiter(?:in)?)\s+(?=[^\W\d_]+$)",
    re.IGNORECASE,
)
"""A role before a single name, as in `Agent Tim`. `Support Müller` may be a company."""
_LABEL = re.compile(
    r"(?:speaker|spk|ch|channel|sprecher(?:in)?|locuteur|hablante|interlocutor|voce|spreker|talare|unknown|"
    r"unbekannt)[ _-]?(?:speaker)?[ _-]?[\dA-Z?]{0,3}",
    re.IGNORECASE,
)
_NOBODY = frozenset({"", "unknown", "unknown speaker", "speaker ?", "unbekannt", "?"})
_BRACKETS = re.compile(r"[\[(]([^\])]*)[\])]")


def is_label(name: str) -> bool:
    """Whether a name is the label of a tool, such as `SPEAKER_00`."""
    return bool(_LABEL.fullmatch(name.strip("[]() ")))


def is_role(name: str) -> bool:
    """Whether a name says which side it is, such as `Agent`, `Customer` or `Tim (Support)`."""
    return bool(role_of(name))


def role_of(name: str) -> str:
    """Returns `company`, `customer` or `machine` if the whole name, or a part in brackets, is a role; else empty.

    A role within a longer name does not count: `IT Support Müller (Kunde AG)` is a customer of whom nothing is known.
    """
    for part in (name, *_BRACKETS.findall(name)):
        plain = re.sub(r"[\s_#-]*\d+$", "", " ".join(part.strip("[]() ").casefold().split()))
        if plain in _ROLES:
            return _ROLES[plain]
    return "company" if _PERSON_ROLE.match(name.strip()) else ""


class Staff:
    """The company's people, by names, addresses and domains."""

    def __init__(self, entries: Iterable[str], file: str = "") -> None:
        """Creates the list.

        Args:
            entries: names (`Maria Keller`), addresses (`maria.keller@acme.example`), domains (`@acme.example`), and
                names that count in one file only (`k1_2026-03-01/SPEAKER_00`).
            file: name of the file, without its ending, whose own names count.
        """
        entries = [_in_file(name, file) for name in entries]
        self._names = frozenset(filter(None, (_plain(name) for name in entries)))
        self._own = Own(filter(is_address_or_domain, entries))

    def __bool__(self) -> bool:
        return bool(self._names or self._own)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return _plain(name) in self._names or author_of(name).address in self._own

    def sides(self, names: Iterable[str], directions: Mapping[str, Direction]) -> dict[str, str]:
        """Returns who each speaker of a call is: `company`, `customer`, `machine` or `unknown`.

        First counts what the file says, then the list, then a role in the name. The others are the customer's people
        if the file or the list knows one of ours. If only a role tells, that holds for a single other person.

        Args:
            names: speakers of the call.
            directions: speaker -> direction, where the file says so.
        """
        speakers = [name for name in dict.fromkeys(names) if _plain(name) not in _NOBODY]
        sides = dict.fromkeys(names, "unknown")
        for name in speakers:
            if name in directions:
                sides[name] = "company" if directions[name] == "outbound" else "customer"
            elif name in self:
                sides[name] = "company"
        ours_known = "company" in sides.values()
        for name in speakers:
            if sides[name] == "unknown":
                sides[name] = role_of(name) or "unknown"
        others = [name for name in speakers if sides[name] == "unknown"]
        if ours_known or ("company" in sides.values() and len(others) == 1):
            sides |= dict.fromkeys(others, "customer")
        elif "customer" in sides.values() and len(others) == 1:
            sides[others[0]] = "company"
        return sides


def _in_file(name: str, file: str) -> str:
    """Returns the name after the slash if the part before it is the file, else the name as given."""
    before, _, after = name.rpartition("/")
    return after if file and before.casefold() == file.casefold() else name


def _plain(name: str) -> str:
    """Returns a name for comparison: without brackets, and the part of an address before the @ as a name."""
    text = _BRACKETS.sub(" ", name).casefold() if _BRACKETS.sub("", name).strip() else name.strip("[]() ").casefold()
    local, at, _ = text.partition("@")
    return name_key(local.replace(".", " ").replace("_", " ") if at else text)
