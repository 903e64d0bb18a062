"""Whose mailbox it is: the addresses and domains of the company."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from churn_agent.domain.wording import counted
from churn_agent.errors import FileFormatError
from churn_agent.ingest.questions import Question
from churn_agent.ingest.readers.mail.boxes import raw_mails
from churn_agent.ingest.readers.mail.headers import addresses, domain, header
from churn_agent.ingest.readers.mail.machines import is_bounce, is_person
from churn_agent.ingest.readers.mail.parsing import head

_FREE_MAIL = frozenset(
    """163.com 126.com aim.com alice.it aol.com arcor.de att.net bellsouth.net bigpond.com bk.ru bluewin.ch
    bluemail.ch bol.com.br
    btinternet.com centrum.cz charter.net comcast.net cox.net daum.net duck.com earthlink.net email.cz email.de
    email.it fastmail.com fastmail.fm
    foxmail.com free.fr freemail.hu freenet.de gmail.com googlemail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    hanmail.net hey.com hispeed.ch
    hotmail.com icloud.com ig.com.br inbox.lv inbox.ru interia.pl internode.on.net kpnmail.nl laposte.net libero.it
    list.ru live.com
    mac.com mail.com mail.ru mailbox.org me.com msn.com mykolab.com naver.com neuf.fr ntlworld.com o2.pl onet.pl
    online.de online.no
    optonline.net optusnet.com.au orange.fr outlook.com pm.me planet.nl pobox.com posteo.de posteo.net proton.me
    protonmail.ch protonmail.com qq.com
    rambler.ru rediffmail.com riseup.net rocketmail.com rogers.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca
    sina.com sky.com skynet.be
    sohu.com sunrise.ch sympatico.ca t-online.de talktalk.net telenet.be telia.com terra.com.br terra.es tin.it
    tiscali.it tuta.com tutamail.com
    tutanota.com tutanota.de uol.com.br verizon.net virgilio.it virginmedia.com vodafone.it wanadoo.fr web.de wp.pl
    xs4all.nl yandex.com yandex.ru
    yeah.net ymail.com zeelandnet.nl ziggo.nl zoho.com zohomail.com""".split()
)
_FREE_MAIL_NAMES = frozenset({"yahoo", "hotmail", "outlook", "live", "gmx", "gmail", "googlemail", "msn", "yandex"})
"""Names under which a provider has a domain in many countries, such as yahoo.co.jp."""
_SECOND_LEVEL = frozenset("ac co com edu gob gouv gov ltd me mil ne net nom or org plc".split())
_ROLES = frozenset(
    """admin anfrage assistance backoffice billing booking bookings care client clients contact contacto customer
    customercare customerservice
    enquiries hallo hello help helpdesk hilfe info kontakt kundenservice kundendienst mail office order orders
    reception sales
    service services shop soporte support supporto team verkauf welcome""".split()
)
_SENT = frozenset(
    """sent gesendet versendet envoyés envoyé enviados enviado inviati inviata verzonden skickat skickade sendt
    wysłane odeslané lähetetyt
    отправленные 寄件備份 已发送 已傳送 送信済み 보낸편지함""".split()
)
_DELIVERED = ("delivered-to", "x-delivered-to", "x-original-to", "envelope-to")
_ADDRESSED = ("from", "sender", "to", "cc", "bcc", "reply-to", "return-path", "list-post", *_DELIVERED)
_CLEAR_SHARE = 0.9
"""The mailbox's owner is in at least this share of its mails, and no other address is in more than `_RIVAL_SHARE`."""
_RIVAL_SHARE = 0.8
_FEWEST_DELIVERIES = 0.5
_SHOWN = 5


def is_free_mail(name: str) -> bool:
    """Whether a domain belongs to a provider whose customers have nothing to do with each other."""
    return name in _FREE_MAIL or registered_name(name) in _FREE_MAIL_NAMES


def registered_name(name: str) -> str:
    """Returns the part of a domain before its ending: `acme` for mail.acme.co.uk."""
    parts = name.split(".")
    ending = 2 if len(parts) > 2 and parts[-2] in _SECOND_LEVEL and len(parts[-1]) == 2 else 1
    return parts[-ending - 1] if len(parts) > ending else name


def is_role(address: str) -> bool:
    """Whether an address is that of a task (`support@`), which several people or programs may use."""
    return address.partition("@")[0].partition("+")[0].casefold() in _ROLES


def account_of(address: str) -> str:
    """Returns what the people of one customer share: the domain, or the address where the domain is a provider's."""
    return address if is_free_mail(domain(address)) else domain(address)


class Own:
    """The company's addresses and domains."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Creates the list.

        Args:
            entries: addresses (`support@acme.example`) and domains (`acme.example` or `@acme.example`), which include
                their subdomains.
        """
        names = [name.strip().casefold() for name in entries]
        self._domains = tuple({name.removeprefix("@") for name in names if name and "@" not in name[1:]})
        self._addresses = frozenset(_plain(name) for name in names if "@" in name[1:])

    def __bool__(self) -> bool:
        return bool(self._domains or self._addresses)

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, str) or "@" not in address:
            return False
        name = domain(address.casefold())
        return _plain(address) in self._addresses or any(
            name == own or name.endswith("." + own) for own in self._domains
        )


def _plain(address: str) -> str:
    """Returns an address as its provider compares it: without `+tag`; Google ignores points."""
    local, _, name = address.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if name in ("gmail.com", "googlemail.com"):
        local, name = local.replace(".", ""), "gmail.com"
    return f"{local}@{name}"


@dataclass(frozen=True)
class OwnGuess:
    """The company's side as the mails show it; to be confirmed."""

    own: tuple[str, ...]
    """Domains, or addresses at providers of free mail."""
    evidence: str


@dataclass
class OwnSurvey:
    """Number of mails that each side appears in."""

    mails: int = 0
    present: Counter[str] = field(default_factory=Counter[str])
    """Side (domain, or address at a provider) -> number of mails that it wrote or received."""
    delivered: Counter[str] = field(default_factory=Counter[str])
    """Side -> number of mails delivered to it (`Delivered-To` and the like)."""
    deliveries: int = 0
    sent: Counter[str] = field(default_factory=Counter[str])
    """Side -> number of mails in the folder of sent mails that it wrote."""
    roles: set[str] = field(default_factory=set[str])
    """Sides with an address such as `support@`."""
    unseen: dict[str, Own] = field(default_factory=dict[str, Own])
    """The given addresses and domains that are in no mail."""

    @property
    def candidates(self) -> tuple[tuple[str, int], ...]:
        """The most frequent sides and their numbers of mails, for a question."""
        return tuple(self.present.most_common(_SHOWN))

    @property
    def question(self) -> Question:
        """Whose mailbox it is. The first option is the guess, if there is one, and the reason its evidence."""
        guess = self.guess
        seen = ", ".join(f"{side} ({count})" for side, count in self.candidates)
        why = f"{', '.join(guess.own)}: {guess.evidence}." if guess else f"in {counted(self.mails, 'mail')} are {seen}."
        options = [", ".join(guess.own)] if guess else []
        options += [side for side, _ in self.candidates if side not in options]
        return Question(
            "own: whose mailbox is it?",
            why,
            tuple(options),
            lambda chosen: {"own": [name.strip() for name in chosen.split(",") if name.strip()]},
        )

    @property
    def _of_all(self) -> str:
        return f"of {counted(self.mails, 'mail')}"

    @property
    def guess(self) -> OwnGuess | None:
        """The company's side, with the evidence; None without a clear winner."""
        if not self.mails:
            return None
        if self.sent and len({registered_name(domain(side) or side) for side in self.sent}) == 1:
            [(side, count), *_] = self.sent.most_common()
            return self._guess(side, f"wrote all {count} mails in the folder of sent mails")
        if self.delivered:
            [(side, count), *others] = self.delivered.most_common()
            alone = not others or others[0][1] < count / 2
            if alone and count >= _FEWEST_DELIVERIES * self.mails:
                return self._guess(side, f"{count} {self._of_all} were delivered to it")
        ranked = self.present.most_common()
        if not ranked:
            return None
        top = [side for side, count in ranked if count >= _CLEAR_SHARE * self.mails]
        rival = ranked[1][1] if len(ranked) > 1 else 0
        if len(top) == 1 and len(ranked) > 2 and rival <= _RIVAL_SHARE * self.mails:
            return self._guess(
                top[0],
                f"in {ranked[0][1]} {self._of_all}; next is {ranked[1][0]} with {ranked[1][1]}",
            )
        of_role = [side for side in top if side in self.roles]
        if len(of_role) == 1 and len(self.roles) == 1:
            return self._guess(
                of_role[0],
                f"in {self.present[of_role[0]]} {self._of_all}, with an address such as support@",
            )
        return self._related(ranked)

    def _related(self, ranked: list[tuple[str, int]]) -> OwnGuess | None:
        """Returns domains of one name (acme.com, acme.ch) that only together are in nearly all mails."""
        names = Counter[str]()
        for side, count in ranked:
            if "@" not in side:
                names[registered_name(side)] += count
        if not names:
            return None
        [(name, count), *others] = names.most_common()
        sides = [side for side, _ in ranked if "@" not in side and registered_name(side) == name]
        rival = others[0][1] if others else 0
        if len(sides) > 1 and count >= _CLEAR_SHARE * self.mails and len(others) > 1 and rival <= count * _RIVAL_SHARE:
            return OwnGuess(
                tuple(sides),
                f"together in {count} {self._of_all}; next is {others[0][0]} with {rival}",
            )
        return None

    def _guess(self, side: str, evidence: str) -> OwnGuess:
        also = [
            other
            for other in self.present
            if other != side and "@" not in side + other and registered_name(other) == registered_name(side)
        ]
        return OwnGuess((side, *also), evidence)


def guess_own(paths: Sequence[Path]) -> OwnGuess | None:
    """Guesses the company's side of mailboxes; None without a clear winner, as for the mails of a single customer.

    Raises:
        FileFormatError: a file cannot be read.
    """
    return survey_own(paths).guess


def survey_own(paths: Sequence[Path], own: Sequence[str] = ()) -> OwnSurvey:
    """Counts who writes and receives the mails of these files.

    Args:
        paths: the files.
        own: the company's addresses and domains, if they are known.

    Raises:
        FileFormatError: none of the files can be read.
    """
    survey = OwnSurvey(unseen={name: Own([name]) for name in own})
    unreadable: FileFormatError | None = None
    for path in paths:
        try:
            for raw in raw_mails(path):
                with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
                    _count(survey, head(raw.content), path)
        except FileFormatError as error:
            unreadable = error
    if unreadable and not survey.mails:
        raise unreadable
    return survey


def _count(survey: OwnSurvey, mail: Message, path: Path) -> None:
    if survey.unseen:
        everybody = addresses(mail, *_ADDRESSED)
        survey.unseen = {name: of for name, of in survey.unseen.items() if not any(one in of for one in everybody)}
    senders = addresses(mail, "from")
    others = addresses(mail, "to", "cc", "reply-to", "x-original-from", "x-original-sender")
    people = [
        address
        for address in (*senders, *others)
        if is_person(address) and not (is_bounce(mail) and address in senders)
    ]
    sides = {account_of(address) for address in people}
    if not sides:
        return
    survey.mails += 1
    survey.present.update(sides)
    survey.roles.update(account_of(address) for address in people if is_role(address))
    delivered = addresses(mail, *_DELIVERED)
    if delivered:
        survey.deliveries += 1
        survey.delivered.update({account_of(address) for address in delivered})
    if senders and _SENT & set(_labels(mail, path)):
        survey.sent[account_of(senders[0])] += 1


def _labels(mail: Message, path: Path) -> Iterator[str]:
    for label in (*header(mail, "x-gmail-labels").split(","), path.stem, path.parent.name):
        yield from label.strip().casefold().replace("_", " ").split()
