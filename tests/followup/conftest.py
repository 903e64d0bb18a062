"""A store with two runs in which c-1 says in February that they leave, and its rules."""

from datetime import date

import pytest

from churn_agent.batch.running import BatchSpec, run_batch
from tests.reports.portfolio.conftest import assessed_once, open_agent, quoting, store  # noqa: F401 - fixtures

TODAY = date(2026, 3, 3)


@pytest.fixture
def agent(store):  # noqa: F811 - the fixture
    with open_agent(store) as opened:
        yield opened


def later(store, tmp_path, day, *rows, says=()):  # noqa: F811
    """Imports rows and runs another batch; the model quotes `says` as wishes to leave."""
    path = tmp_path / f"{day}.csv"
    path.write_text("\n".join(["customer_id,timestamp,channel,direction,text", *rows]), encoding="utf-8")
    with open_agent(store, quoting("I will cancel my contract", *says), band_margin=0.0) as opened:
        if rows:
            opened.ingest([path])
        run_batch(opened, tmp_path / f"{day}.jsonl", BatchSpec(as_of=day))


def changed(record, **updates):
    return record.model_copy(update=updates)


__all__ = ["TODAY", "changed", "later", "open_agent"]
