"""The authors of rows: names beside addresses, and mails that a program wrote in a person's name."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from churn_agent.domain.contacts import ADDRESS_KEY, author_of
from churn_agent.ingest.cleaning.cleaner import is_mail
from churn_agent.ingest.readers.mail.machines import automatic_without_headers


def names_of(authors: Sequence[str | None], metadata: Sequence[dict[str, str]]) -> list[str | None]:
    """Returns the authors without the mail addresses beside their names, which become metadata."""
    names = list(authors)
    for number, author in enumerate(authors):
        if author and "@" in author:
            name, address = author_of(author)
            if name and address:
                names[number] = name
                metadata[number][ADDRESS_KEY] = address
    return names


def automatic_rows(
    metadata: Sequence[Mapping[str, str]],
    authors: Sequence[str | None],
    channels: Sequence[str],
    openings: Collection[int],
) -> Iterator[tuple[int, str]]:
    """Yields the numbers of automatic replies and of reports of mail servers, with the signs of it.

    All messages of a ticket may have its subject, so only the first of them counts there.
    """
    mail = {channel: is_mail(channel) for channel in set(channels)}
    if not any(mail.values()):
        return
    for number, (of, author, channel) in enumerate(zip(metadata, authors, channels, strict=True)):
        subject = of.get("subject", "") if channel.casefold() != "ticket" or number in openings else ""
        if mail[channel] and (subject or author):
            sign = automatic_without_headers(subject, author or "")
            if sign:
                yield number, sign
