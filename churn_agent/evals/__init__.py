"""Judging by labelled sets: prompts, models and classic methods compared, with verdicts that hold."""

from churn_agent.evals.harness import (
    RunResult,
    compare,
    examine_sets,
    run_baselines,
    run_suite,
    transfer,
    write_report,
)

__all__ = ["RunResult", "compare", "examine_sets", "run_baselines", "run_suite", "transfer", "write_report"]
