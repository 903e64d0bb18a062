"""Nothing after the date can reach a prompt: canaries in a thousand histories."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Card
from churn_agent.history import book, interactions
from churn_agent.learning.examples import prepare
from churn_agent.models.base import GenerateRequest
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import examples

CANARY = "kanarienvogel"
HISTORIES = 1000
DAY = date(2026, 3, 1)
LATE = "1772600000"
"""A day in March, in seconds since 1970."""
ZONES = ["UTC", "Europe/Zurich", "Pacific/Kiritimati", "America/Los_Angeles"]
_numbers = itertools.count()


class Listening(ScriptedModel):
    """Keeps every word that it was sent."""

    def __init__(self):
        super().__init__(
            {"generate": [{"contains": "", "answer": {"reasons": [], "signals": [], "churn_probability": 0.2}}]}
        )
        self.heard = []

    def score_labels(self, requests):
        requests = list(requests)
        self.heard += [repr(request) for request in requests]
        return super().score_labels(requests)

    def generate(self, requests):
        requests = list(requests)
        assert all(isinstance(request, GenerateRequest) for request in requests)
        self.heard += [repr(request) for request in requests]
        return super().generate(requests)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """(agents of all modes on one store, model) for each time zone."""
    opened = {}
    for zone in ZONES:
        store = tmp_path_factory.mktemp("store")
        model = Listening()
        agents = [ChurnAgent(Settings.load(store=store, mode=mode), model=model) for mode in ("read", "ask", "explain")]
        with agents[0].history.begin() as connection:
            book.set_card(connection, Card(company="Acme", time_zone=zone))
        opened[zone] = agents, model
    return opened


@pytest.mark.slow
@settings(max_examples=examples(HISTORIES), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    zone=st.sampled_from(ZONES),
    offsets=st.lists(st.integers(-400 * 86400, 3 * 86400) | st.integers(-5, 5), min_size=1, max_size=9),
    channels=st.lists(st.sampled_from(["chat", "email", "order", "review"]), min_size=9, max_size=9),
)
def test_no_prompt_holds_a_word_from_after_the_date(books, zone, offsets, channels):
    agents, model = books[zone]
    card = Card(time_zone=zone)
    end = datetime.combine(DAY + timedelta(days=1), time(), card.zone).astimezone(UTC)
    customer_id = f"c-{next(_numbers)}"
    rows = []
    for n, (offset, channel) in enumerate(zip(offsets, channels, strict=False)):
        late = offset >= 0
        text = (
            f"{CANARY} {n}" if late else f"harmless words {n} of {customer_id}"
        )  # new ones: known answers are not asked
        # of an early record, too, an export shows what was written later
        more = (
            {"amount": 999983.0, "metadata": {"note": CANARY}}
            if late
            else {"metadata": {"state": CANARY, "updated_at": LATE}}
        )
        id_ = f"{next(_numbers):032x}"
        rows.append(Interaction(id_, customer_id, end + timedelta(seconds=offset), channel, text, **more))
    with agents[0].history.begin() as connection:
        interactions.add(connection, rows)
    model.heard.clear()
    early = [row for row in rows if row.occurred_at < end]
    for agent in agents:
        if early:
            record = agent.assess(customer_id, as_of=DAY).model_dump_json()
            assert CANARY not in record
            seen = agent.snapshot(customer_id, as_of=DAY)
            assert CANARY not in repr(seen)
            assert LATE not in repr(seen)
            assert not any("updated_at" in name or "state" in name for name in prepare([True], [seen]).numbers[0])
            assert "999983" not in record.replace(",", "")
    heard = "".join(model.heard)
    assert CANARY not in heard
    assert "999983" not in heard.replace(",", "")
    assert not early or "harmless words" in heard


def test_the_canary_would_be_heard(books):
    agents, model = books["UTC"]
    row = Interaction("f" * 32, "sings", datetime(2026, 3, 1, 12, tzinfo=UTC), "chat", f"{CANARY} of today")
    with agents[0].history.begin() as connection:
        interactions.add(connection, [row])
    for agent in agents:
        model.heard.clear()
        agent.assess("sings", as_of=DAY)
        assert CANARY in "".join(model.heard)
