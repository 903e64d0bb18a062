"""Outcomes due for review: forecasts whose horizon is over, and customers who seem to have left."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta

from churn_agent.domain.assessment import Band
from churn_agent.history.records import FORGOTTEN
from churn_agent.lookback.observing import departures
from churn_agent.lookback.suggesting import Suggestion, suggest
from churn_agent.outcomes import ledger
from churn_agent.outcomes.ledger import Forecast
from churn_agent.reports.portfolio.rows import harmless
from churn_agent.store.store import Store

_COLUMNS = ("customer_id", "as_of", "horizon_days", "churned", "over_on", "band", "number")


@dataclass(frozen=True)
class Due:
    """A forecast whose horizon is over and whose outcome is unknown."""

    customer_id: str
    as_of: date
    over_on: date
    """The last day of its horizon."""
    horizon_days: int
    band: Band | None
    number: float


@dataclass(frozen=True)
class Review:
    """What a person should look at."""

    due: list[Due]
    """The latest forecast of each customer, those over first at the top."""
    suggested: list[Suggestion]
    """Customers without an outcome who seem to have left."""


def review(store: Store) -> Review:
    """Returns the outcomes that a person should enter. Raises `EmptyStore`."""
    left, _ = departures(store.labels())
    latest: dict[str, Forecast] = {}
    for forecast in ledger.forecasts(store):  # by date, so that the latest of a customer remains
        if forecast.over and not forecast.back_test:
            latest[forecast.assessment.customer_id] = forecast
    unknown = [
        _due(forecast)
        for id_, forecast in latest.items()
        if forecast.churned is None and id_ not in left and not id_.startswith(FORGOTTEN)
    ]
    due = sorted(unknown, key=lambda each: (each.over_on, each.customer_id))
    return Review(due, list(suggest(store)))


def _due(forecast: Forecast) -> Due:
    record, number = forecast.assessment, forecast.assessment.churn_probability
    assert number, "a forecast is a number"
    over = record.as_of + timedelta(days=number.horizon_days)
    return Due(record.customer_id, record.as_of, over, number.horizon_days, record.band, forecast.number)


def due_csv(due: list[Due]) -> str:
    """Returns a file for `outcomes import`: write true or false into `churned`; rows without are rejected."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for one in due:
        number = round(one.number, 4)
        cells = (one.customer_id, one.as_of, one.horizon_days, "", one.over_on, one.band or "", number)
        writer.writerow(map(harmless, cells))
    return buffer.getvalue()
