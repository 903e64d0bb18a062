"""Reads the mails of a file as rows: who is the customer of each, and who speaks.

Columns: `interaction_id` (Message-ID), `customer_id` (address of the other side), `customer_account` (its domain, or
its address at a provider of free mail), `customer_domain`, `timestamp`, `channel`, `direction`, `speaker`, `author`,
`subject`, `text`, `message_id`, `in_reply_to`, `attachments`, `date_note`, `not_read`, and `taken_as`, which says
what the reader concluded from which sign. The text of an opening mail begins with its subject.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import cast

from churn_agent.errors import FileFormatError
from churn_agent.ingest.questions import Guess, as_mapping
from churn_agent.ingest.readers.base import Note, Progress, Row
from churn_agent.ingest.readers.mail.bodies import attachments, body, unread_kind
from churn_agent.ingest.readers.mail.boxes import RawMail, raw_mails
from churn_agent.ingest.readers.mail.forwards import Forwarded, forwarded
from churn_agent.ingest.readers.mail.headers import addresses, domain, header, headers, mail_time, read_time
from churn_agent.ingest.readers.mail.machines import automatic, generated, is_bounce, is_bulk, is_person
from churn_agent.ingest.readers.mail.own import Own, account_of, is_role
from churn_agent.ingest.readers.mail.parsing import parsed
from churn_agent.ingest.subjects import with_subject

_BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""Errors that `email` raises for broken headers and deeply nested comments."""
_FORM_FIELD = re.compile(
    r"(?:^|<[^>]*>|\|)[ \t*_]*(?:your |ihre |deine |votre |customer |from )?(?:e-?mail(?:[ -]?(?:address|"
    r"adresse))?|adresse e-?mail|correo(?: electr[oó]nico)?|"
    r"courriel|posta elettronica|indirizzo e-?mail|reply[ -]?to|from|von|"
    r"メールアドレス)[ \t*_]*(?:</[^>]*>)?[ \t*_]*[:：|=][ \t*_]*(?:<[^>]*>|[ \t])*(?:mailto:)?"
    r"[^\n@<>:]{0,60}?(?P<address>[\w.+'-]+@[\w-]+(?:\.[\w-]+)+)",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL = re.compile(r"(?:^|<[^>]*>)[ \t*_]*[^\W\d_][^\n:<>]{0,40}[ \t*_]*(?:</[^>]*>)?[:：|=]", re.MULTILINE)
_FEWEST_LABELS = 2
"""Lines such as `Name: Ana` that make a text a form."""
_FORM_TEXT = "contact form (the text has"
_MESSAGE_ID = re.compile(r"<?[^<>\s@]+@[^<>\s]+>?")
_ANY_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_FORWARD_SUBJECT = re.compile(
    r"^\s*(?:(?:fw|fwd|wg|tr|rv|i|enc|doorst|vb|vs|pd|ilt|továbbítás|πρθ|пер|fs|转发|轉寄|転送|전달)\s*[:：]|.*\(fwd\))",
    re.IGNORECASE,
)
Values = dict[str, str]
_MOST_RECEIVERS = 20
_DEEPEST = 3
"""Levels of mails attached to mails that are read."""


def read_mail(path: Path, own: Sequence[str], progress: Progress, note: Note = lambda guess: None) -> Iterator[Row]:
    """Yields the mails of a file, in its order.

    Our own mail to several customers is a row for each. Of a mail that one of us forwarded, the forwarded mail is
    the customer's, and the comment above it an internal note. Mails that concern no customer have a `problem`.

    Args:
        path: the file.
        own: the company's addresses and domains; if empty, speakers are `unknown`.
        progress: called with the number of mails.
        note: called with each guess.

    Raises:
        FileFormatError: the file cannot be read or contains no mail.
    """
    ours = Own(own)
    number = 0
    texts: dict[str, list[int]] = {}
    for number, raw in enumerate(raw_mails(path), start=1):
        try:
            for values, problem in _rows(parsed(raw.content), raw, ours):
                values["interaction_id"] = _unshared(values["interaction_id"] or _key(values), values["text"], texts)
                _note_form(values, note)
                values["text"] = with_subject(values["subject"], values["text"])
                yield Row(number, {name: value for name, value in values.items() if value}, problem)
        except _BROKEN as error:
            reason = (
                str(error) if type(error) is ValueError else f"its headers cannot be parsed ({type(error).__name__})"
            )
            yield Row(number, {}, f"not a readable mail: {reason}")
        progress(number, None)
    if number == 0:
        raise FileFormatError(f"{path}: contains no mails")


def _note_form(values: Values, note: Note) -> None:
    """Notes that the text of a form names the customer, which a form need not mean."""
    sign = values.get("taken_as", "")
    if sign.startswith(_FORM_TEXT):
        taken = "the customer is the person whose address the form has"
        mapping = as_mapping({"values": {"customer_id": {values["customer_id"]: "ANOTHER"}}})
        note(Guess("mails of contact forms", taken, f"{values['author']}: {sign}", mapping))


def _key(values: Values) -> str:
    """Returns a key for a mail without a Message-ID, from what identifies it."""
    content = "\0".join(values[name] for name in ("timestamp", "author", "subject", "text"))
    return "no-message-id " + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _unshared(key: str, text: str, texts: dict[str, list[int]]) -> str:
    """Returns the key, with a number if another text of this file had it: some programs repeat a Message-ID."""
    seen = texts.setdefault(key, [])
    fingerprint = hash(text)
    if fingerprint not in seen:
        seen.append(fingerprint)
    position = seen.index(fingerprint)
    return f"{key} ({position + 1})" if position else key


def _rows(mail: Message, raw: RawMail, own: Own, level: int = 0) -> Iterator[tuple[Values, str | None]]:
    senders = addresses(mail, "from") or addresses(mail, "sender", "return-path")
    receivers = addresses(mail, "to", "cc") or addresses(mail, "delivered-to", "x-original-to", "bcc")
    sender = next((address for address in senders if address not in own), senders[0] if senders else "")
    if not sender and not receivers:
        raise ValueError("no sender and no receiver")
    values = _content(mail, raw, sender)
    others = [address for address in receivers if address not in own]
    if is_bounce(mail):
        yield from _bounce(values, mail, sender, own)
        return
    if not sender:
        yield values, "no sender's address"
        return
    behind, sign = _person_behind(mail, sender, values["text"], others, own)
    if behind:
        values |= {"author": behind, "taken_as": sign}
        sender = behind
    machine = "" if sign.startswith("contact form") and generated(mail) else automatic(mail)
    if sender not in own:
        yield _inbound(values, mail, sender, machine, own)
    elif others:
        yield from _outbound(values, mail, others, machine)
    else:
        yield from _internal(values, mail, raw, own, level)


def _content(mail: Message, raw: RawMail, sender: str) -> Values:
    time, doubt = mail_time(mail, raw.envelope)
    message_id = header(mail, "message-id")
    text = body(mail)
    values = {
        "interaction_id": message_id if _MESSAGE_ID.fullmatch(message_id) else "",
        "timestamp": time.isoformat(),
        "channel": "email",
        "author": sender,
        "subject": header(mail, "subject"),
        "text": text,
        "message_id": message_id,
        "in_reply_to": header(mail, "in-reply-to"),
        "attachments": ", ".join(attachments(mail)),
        "date_note": doubt,
    }
    if not text and (kind := unread_kind(mail)):
        values["not_read"] = f"its text is in {kind}, which is not read"
    return values


def _side(values: Values, customer: str, speaker: str, direction: str) -> Values:
    whose = {"customer_id": customer, "customer_account": account_of(customer), "customer_domain": domain(customer)}
    return values | whose | {"speaker": speaker, "direction": direction}


def _person_behind(mail: Message, sender: str, text: str, others: list[str], own: Own) -> tuple[str, str]:
    """Returns the person in whose name a group, form or service sent the mail, and the sign of it; else empty texts."""
    for name in ("x-original-from", "x-original-sender"):
        person = next((address for address in addresses(mail, name) if address not in own), "")
        if person and sender in own:
            return person, f"sent through a group ({name})"
    if others or (sender not in own and is_person(sender)) or not own:
        return "", ""
    person = next((address for address in addresses(mail, "reply-to") if address not in own and address != sender), "")
    if person and is_person(person):
        return person, "contact form or group (Reply-To)"
    if is_person(sender) and not is_role(sender):
        return "", ""
    field = _FORM_FIELD.search(text)
    is_form = (
        field and len(_LABEL.findall(text)) >= _FEWEST_LABELS and not _FORWARD_SUBJECT.match(header(mail, "subject"))
    )
    if field and is_form and field["address"].casefold() not in own:
        return field["address"].casefold(), f"{_FORM_TEXT} {' '.join(field[0].split())[:80]!r})"
    return "", ""


def _inbound(values: Values, mail: Message, sender: str, machine: str, own: Own) -> tuple[Values, str | None]:
    if machine or is_bulk(mail):
        of_own_list = any(account_of(address) in own or address in own for address in addresses(mail, "list-post"))
        if is_bulk(mail) and not of_own_list:
            return _side(
                values, sender, "machine", "inbound"
            ), f"sent in bulk by {sender} (List-Unsubscribe): not a customer's mail"
        if not is_person(sender):
            return _side(
                values, sender, "machine", "inbound"
            ), f"sent by a machine ({machine}) in nobody's name: {sender}"
        return _side(values | {"taken_as": f"automatic ({machine})"}, sender, "machine", "inbound"), None
    if not values["text"] and not values["subject"]:
        return values, values.get("not_read") or "has neither subject nor text"
    return _side(values, sender, "customer" if own else "unknown", "inbound" if own else ""), None


def _outbound(values: Values, mail: Message, others: list[str], machine: str) -> Iterator[tuple[Values, str | None]]:
    """Yields a row for each account that received the mail. Copies count if there is no direct receiver."""
    direct = [address for address in addresses(mail, "to") if address in others] or others[:1]
    customers = list({account_of(address): address for address in reversed(direct)}.values())[::-1]
    speaker = "machine" if machine else "company"
    note = {"taken_as": f"automatic ({machine})"} if machine else {}
    for position, customer in enumerate(customers[:_MOST_RECEIVERS]):
        key = values["interaction_id"]
        other_key = {"interaction_id": f"{key} to {customer}"} if key and position else {}
        yield _side(values | note | other_key, customer, speaker, "outbound"), None


def _internal(values: Values, mail: Message, raw: RawMail, own: Own, level: int) -> Iterator[tuple[Values, str | None]]:
    """Yields a customer's mail that an internal one contains, in its text or attached; else sets the mail aside."""
    inner = _forwarded_from_outside(values["text"], own)
    if inner and _FORWARD_SUBJECT.match(values["subject"]):
        yield from _of_forward(values, inner)
        return
    attached = [part for part in mail.walk() if part.get_content_type() == "message/rfc822"]
    passed_on = False
    for part in attached if level < _DEEPEST else []:
        payload = part.get_payload()
        for child in cast("list[Message | str]", payload) if isinstance(payload, list) else []:
            if isinstance(child, Message):
                passed_on = True
                yield from _rows(child, raw, own, level + 1)
    if not passed_on:
        receivers = ", ".join(addresses(mail, "to")[:2]) or "nobody named"
        through_group = " via " in header(mail, "from")
        hidden = "; a group hid the sender's address" if through_group else ""
        yield values, f"an internal mail, from {values['author']} to {receivers}: it has no customer{hidden}"


def _forwarded_from_outside(text: str, own: Own) -> Forwarded | None:
    """Returns the first mail by somebody else in a chain of forwarded ones, with the comments of all who sent it on."""
    inner = forwarded(text)
    comments: list[str] = []
    while inner and inner.sender in own:
        comments.append(inner.comment)
        inner = forwarded(inner.text)
    return inner and replace(inner, comment="\n\n".join(filter(None, [*comments, inner.comment])))


def _of_forward(values: Values, inner: Forwarded) -> Iterator[tuple[Values, str | None]]:
    key = values["interaction_id"]
    time = read_time(inner.date)
    theirs = values | {
        "interaction_id": f"{key} forwarded" if key else "",
        "timestamp": time.isoformat() if time else values["timestamp"],
        "author": inner.sender,
        "subject": inner.subject,
        "text": inner.text,
        "forwarded_by": values["author"],
        "taken_as": f"forwarded by {values['author']}",
    }
    yield (
        _side(theirs, inner.sender, "customer", "inbound"),
        None if inner.text or inner.subject else "forwarded without a text",
    )
    if inner.comment:
        note = values | {"channel": "note", "text": inner.comment, "subject": ""}
        yield _side(note, inner.sender, "company", "outbound"), None


def _bounce(values: Values, mail: Message, sender: str, own: Own) -> Iterator[tuple[Values, str | None]]:
    named = addresses(mail, "x-failed-recipients")
    for part in mail.walk():
        for name in ("final-recipient", "original-recipient"):
            named += [address for value in headers(part, name) for address in _ANY_ADDRESS.findall(value.casefold())]
    if not named:
        named = [address for address in _ANY_ADDRESS.findall(values["text"].casefold()) if address != sender]
    customers = list(dict.fromkeys(address for address in named if address not in own and is_person(address)))
    if not customers or not own:
        yield values, "a report of a mail server on a mail that was not delivered; it names no customer"
    for position, customer in enumerate(customers[:_MOST_RECEIVERS] if own else []):
        key = {"interaction_id": f"{values['interaction_id']} on {customer}"} if position else {}
        note = {"taken_as": "not delivered (report of a mail server)"}
        yield _side(values | note | key, customer, "machine", ""), None
