"""churn-agent: from customers' histories to verified churn assessments by a local language model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_agent.assessing.agent import ChurnAgent
    from churn_agent.domain.assessment import Assessment
    from churn_agent.settings import Settings

__all__ = ["Assessment", "ChurnAgent", "Settings"]

_HOMES = {
    "Assessment": "churn_agent.domain.assessment",
    "ChurnAgent": "churn_agent.assessing.agent",
    "Settings": "churn_agent.settings",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing the package, as every command does, takes milliseconds.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'churn_agent' has no attribute {name!r}")
