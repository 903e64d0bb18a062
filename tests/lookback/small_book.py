"""A book of 30 customers over a year, 6 of whom left, with the days in plain sight."""

from datetime import date, timedelta

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

LAST_DAY = date(2026, 6, 20)
CUSTOMERS = [f"c-{n:02}" for n in range(1, 31)]
NOTICE = {
    "c-01": date(2026, 2, 10),
    "c-02": date(2026, 3, 12),
    "c-03": date(2026, 4, 8),
    "c-04": date(2026, 4, 20),
    "c-05": date(2026, 5, 4),
    "c-06": date(2026, 5, 15),
}
WARNED = {"c-01": 75, "c-02": 70, "c-03": 65, "c-04": 20}
"""Customer -> days before notice on which they wrote that a rival is cheaper; c-05 and c-06 wrote nothing of the kind."""
ALARMED = ("c-10", "c-11")
"""Customers who wrote the same in September and stayed."""
RIVAL = "a competitor offers us the same for less"
SCRIPT = {
    "generate": [
        {"contains": RIVAL, "answer": {"signals": [{"quote": RIVAL, "signal": "competitor"}]}},
        {"contains": "", "answer": {"signals": []}},
    ]
}


class Counting(ScriptedModel):
    """Counts the messages that reach it."""

    def __init__(self, script=SCRIPT):
        super().__init__(script)
        self.asked = 0

    def generate(self, requests):
        for request in requests:
            self.asked += 1
            yield from super().generate([request])


def messages():
    rows = []
    for n, id_ in enumerate(CUSTOMERS, start=1):
        end = min(LAST_DAY, NOTICE.get(id_, LAST_DAY))
        for k in range(10):
            day = date(2025, 6, 12) + timedelta(days=37 * k + n % 7)
            if day < end:
                rows.append(f"{id_},{day} 10:00,email,{id_} asks about delivery {k}")
        if id_ in WARNED:
            rows.append(f"{id_},{NOTICE[id_] - timedelta(days=WARNED[id_])} 11:00,email,{id_} says {RIVAL}")
        if id_ in ALARMED:
            rows.append(f"{id_},2025-09-10 11:00,email,{id_} says {RIVAL}")
    return [*rows, f"c-30,{LAST_DAY} 09:00,email,c-30 asks about the last delivery"]


def left_on(id_):
    return NOTICE[id_] + timedelta(days=30)


def outcomes(moved=None):
    notice = NOTICE | (moved or {})
    return [f"{id_},{day + timedelta(days=30)},{day}" for id_, day in notice.items()]


def make(folder, *, attributes=None, model=None, moved=None, **settings):
    """An agent on the small book. It has to be closed.

    Args:
        attributes: lines of customers.csv, the header first.
        model: instead of one that counts.
        moved: customer -> another day of the notice in the file of outcomes.
    """
    folder.mkdir(exist_ok=True)
    chosen = Settings.load(store=folder / "store", mode="read", prompt="direct", **settings)
    agent = ChurnAgent(chosen, model=model or Counting())
    files = {"labels": write_csv(folder / "outcomes.csv", *outcomes(moved), header="customer_id,left_on,notice_on")}
    if attributes:
        files["customers"] = write_csv(folder / "customers.csv", *attributes[1:], header=attributes[0])
    agent.ingest([write_csv(folder / "interactions.csv", *messages())], **files)
    return agent
