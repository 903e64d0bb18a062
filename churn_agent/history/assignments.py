"""Plans of actions after runs: the customers to act on, and the control group to measure the effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import Engine, select

from churn_agent.history.tables import assignments as table

Arm = Literal["act", "control"]


@dataclass(frozen=True)
class Assignment:
    """The arm of a customer in a plan."""

    run_id: str
    customer_id: str
    as_of: date
    arm: Arm
    drawn: bool
    """Whether the arm was drawn at random."""


def replace(engine: Engine, run_id: str, assignments: Sequence[Assignment]) -> None:
    """Stores the plan after a run, in place of an earlier one."""
    with engine.begin() as connection:
        connection.execute(table.delete().where(table.c.run_id == run_id))
        if assignments:
            connection.execute(table.insert(), [vars(assignment) for assignment in assignments])


def of_run(engine: Engine, run_id: str) -> list[Assignment]:
    """Returns the assignments after a run, by customer."""
    return _read(engine, run_id)


def all_assignments(engine: Engine) -> list[Assignment]:
    """Returns the assignments after all runs."""
    return _read(engine, None)


def _read(engine: Engine, run_id: str | None) -> list[Assignment]:
    query = select(table).order_by(table.c.as_of, table.c.customer_id)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    with engine.connect() as connection:
        return [Assignment(**row) for row in connection.execute(query).mappings()]
