"""churn-agent: from customers' histories to verified churn assessments by a local language model.

The names in `__all__` are the public interface. Each is loaded when it is first used, so that importing the package, as
every command does, takes milliseconds.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.batch.running import BatchSpec, BatchSummary, run_batch
    from churn_agent.domain.assessment import (
        Assessment,
        ChurnProbability,
        Citation,
        Fact,
        Provenance,
        Reason,
        RetentionAction,
        Signal,
    )
    from churn_agent.domain.snapshot import Card
    from churn_agent.errors import ChurnAgentError, DataError, InputError, ModelCallError, Unavailable
    from churn_agent.evals import compare, run_suite
    from churn_agent.ingest.options import ImportOptions
    from churn_agent.models.base import ChatModel
    from churn_agent.reports.dataframes import to_dataframe
    from churn_agent.reports.portfolio.reporting import write_reports
    from churn_agent.settings import Settings
    from churn_agent.store.store import Store

__all__ = [
    "Assessment",
    "BatchSpec",
    "BatchSummary",
    "Card",
    "ChatModel",
    "ChurnAgent",
    "ChurnAgentError",
    "ChurnProbability",
    "Citation",
    "DataError",
    "Fact",
    "ImportOptions",
    "InputError",
    "ModelCallError",
    "Provenance",
    "Reason",
    "RetentionAction",
    "Settings",
    "Signal",
    "Store",
    "Unavailable",
    "compare",
    "run_batch",
    "run_suite",
    "to_dataframe",
    "write_reports",
]

_NAMES_BY_MODULE = {
    "assessing.agent": ("ChurnAgent",),
    "batch.running": ("BatchSpec", "BatchSummary", "run_batch"),
    "domain.assessment": (
        "Assessment",
        "ChurnProbability",
        "Citation",
        "Fact",
        "Provenance",
        "Reason",
        "RetentionAction",
        "Signal",
    ),
    "domain.snapshot": ("Card",),
    "errors": ("ChurnAgentError", "DataError", "InputError", "ModelCallError", "Unavailable"),
    "evals": ("compare", "run_suite"),
    "ingest.options": ("ImportOptions",),
    "models.base": ("ChatModel",),
    "reports.dataframes": ("to_dataframe",),
    "reports.portfolio.reporting": ("write_reports",),
    "settings": ("Settings",),
    "store.store": ("Store",),
}
_HOMES = {name: f"churn_agent.{module}" for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'churn_agent' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
