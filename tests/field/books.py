"""Small sources, and what a store holds of them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.interactions import Interaction
from churn_agent.history import interactions
from churn_agent.ingest.questions import Question

SEPARATOR = "From 1801234567890@xxx Mon Mar 02 08:00:00 +0000 2026\n"
"""The line between the mails of a mailbox as Google exports it."""


def put(path: Path, content: object) -> Path:
    """Writes text, bytes, or JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def stored(agent: ChurnAgent, customer_id: str) -> list[Interaction]:
    return interactions.of_customer(agent.history, customer_id, until=datetime(9000, 1, 1, tzinfo=UTC))


def spoken(agent: ChurnAgent, customer_id: str) -> list[tuple[str | None, str]]:
    return [(row.speaker, row.text) for row in stored(agent, customer_id)]


def texts(agent: ChurnAgent, customer_id: str) -> list[str]:
    return [row.text for row in stored(agent, customer_id)]


def customers(agent: ChurnAgent) -> list[str]:
    return sorted(row.customer_id for row in agent.store.customers())


def quotable(agent: ChurnAgent, customer_id: str) -> list[str]:
    """The texts in which reasons and quotes are looked for."""
    return [entry.text for entry in agent.evidence(customer_id).pack.evidence]


def mail(sender: str, to: str, text: str, *, day: str = "Mon, 02 Mar 2026", **headers: str) -> str:
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = headers.pop("subject", "Boiler")
    message["Date"] = f"{day} 08:30:00 +0100"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_string()


def mailbox(path: Path, *mails: str) -> Path:
    return put(path, "".join(SEPARATOR + each + "\n" for each in mails))


def answers(question: Question) -> list[Mapping[str, Any]]:
    """The parts of a mapping that answer a question."""
    return [question.answer(option) for option in question.options]
