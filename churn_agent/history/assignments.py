"""Whom it was decided to act on after a run, and whom to leave alone so that acting can be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import Engine, select

from churn_agent.history.tables import assignments as table

Arm = Literal["act", "control"]


@dataclass(frozen=True)
class Assignment:
    """What was decided for a customer."""

    run_id: str
    customer_id: str
    as_of: date
    arm: Arm
    drawn: bool
    """Chance decided between the two arms."""


def replace(engine: Engine, run_id: str, given: Sequence[Assignment]) -> None:
    """Stores what was decided after a run, in place of what was decided before."""
    with engine.begin() as connection:
        connection.execute(table.delete().where(table.c.run_id == run_id))
        if given:
            connection.execute(table.insert(), [vars(each) for each in given])


def of_run(engine: Engine, run_id: str) -> list[Assignment]:
    """What was decided after a run, by customer."""
    return _read(engine, run_id)


def all_assignments(engine: Engine) -> list[Assignment]:
    """What was decided after all runs."""
    return _read(engine, None)


def _read(engine: Engine, run_id: str | None) -> list[Assignment]:
    query = select(table).order_by(table.c.as_of, table.c.customer_id)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    with engine.connect() as connection:
        return [Assignment(**row) for row in connection.execute(query).mappings()]
