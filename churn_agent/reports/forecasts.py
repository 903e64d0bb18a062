"""The forecasts about one customer, and the causes of their changes."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.changes import explain
from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError, NotAsMade
from churn_agent.outcomes.ledger import Forecast, forecasts


@dataclass(frozen=True)
class ExplainedForecast:
    """A forecast, and the causes of its change since the previous one."""

    forecast: Forecast
    moved_by: Mapping[str, float] | None
    """Cause -> change of the number, -1 to 1; empty for the first forecast, None if it cannot be explained."""
    not_explained: str | None = None
    """Why it cannot be explained."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the forecast for JSON."""
        forecast, assessment = self.forecast, self.forecast.assessment
        return {
            "as_of": assessment.as_of,
            "number": forecast.number,
            "calibrated": forecast.calibrated,
            "band": assessment.band,
            "method": assessment.provenance.method,
            "moved_by": self.moved_by,
            "over": forecast.over,
            "churned": forecast.churned,
            "treated": forecast.treated,
        }


def explained_forecasts(agent: ChurnAgent, customer_id: str) -> list[ExplainedForecast]:
    """Returns all forecasts about a customer, oldest first.

    A change is explained only if the agent has the model, prompt and method that made the forecast.

    Raises:
        EmptyStore: there is no history.
        InputError: there is no forecast about the customer.
        Unavailable: the model cannot be used.
    """
    known = forecasts(agent.store, customer_id)
    if not known:
        raise InputError(f"there is no forecast about {customer_id!r}; run: churn-agent assess {customer_id}")
    later = [_explained(agent, before.assessment, after) for before, after in itertools.pairwise(known)]
    return [ExplainedForecast(known[0], {}), *later]


def _explained(agent: ChurnAgent, before: Assessment, after: Forecast) -> ExplainedForecast:
    try:
        [(_, change)] = explain(agent, [before], [after.assessment])
    except NotAsMade as error:
        return ExplainedForecast(after, None, str(error))
    return ExplainedForecast(after, change.seen)
