"""Evaluation on labelled sets: prompts, models and classic methods compared, by paired tests."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_agent.evals.checks.abstention import measure_abstention
    from churn_agent.evals.checks.calibration import measure_calibration
    from churn_agent.evals.checks.cards import CardCheck, check_cards
    from churn_agent.evals.checks.examining import examine_sets
    from churn_agent.evals.checks.expectations import Expectation, load_expectations
    from churn_agent.evals.checks.faithfulness import measure_faithfulness
    from churn_agent.evals.checks.stability import measure_stability
    from churn_agent.evals.checks.transferring import transfer, transfer_calibration
    from churn_agent.evals.runs.comparing import compare, most_disagreed
    from churn_agent.evals.runs.log import RunLog
    from churn_agent.evals.runs.reporting import write_report, write_summary
    from churn_agent.evals.runs.running import RunResult, run_baselines, run_prompts, run_suite
    from churn_agent.evals.runs.searching import search
    from churn_agent.evals.runs.tracking import track

__all__ = [
    "CardCheck",
    "Expectation",
    "RunLog",
    "RunResult",
    "check_cards",
    "compare",
    "examine_sets",
    "load_expectations",
    "measure_abstention",
    "measure_calibration",
    "measure_faithfulness",
    "measure_stability",
    "most_disagreed",
    "run_baselines",
    "run_prompts",
    "run_suite",
    "search",
    "track",
    "transfer",
    "transfer_calibration",
    "write_report",
    "write_summary",
]

_HOMES = {
    "CardCheck": "checks.cards",
    "Expectation": "checks.expectations",
    "RunLog": "runs.log",
    "RunResult": "runs.running",
    "check_cards": "checks.cards",
    "compare": "runs.comparing",
    "examine_sets": "checks.examining",
    "load_expectations": "checks.expectations",
    "measure_abstention": "checks.abstention",
    "measure_calibration": "checks.calibration",
    "measure_faithfulness": "checks.faithfulness",
    "measure_stability": "checks.stability",
    "most_disagreed": "runs.comparing",
    "run_baselines": "runs.running",
    "run_prompts": "runs.running",
    "run_suite": "runs.running",
    "search": "runs.searching",
    "track": "runs.tracking",
    "transfer": "checks.transferring",
    "transfer_calibration": "checks.transferring",
    "write_report": "runs.reporting",
    "write_summary": "runs.reporting",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: a command that lists sets does not wait for the libraries that measure.
    if name in _HOMES:
        return getattr(import_module(f"churn_agent.evals.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'churn_agent.evals' has no attribute {name!r}")
