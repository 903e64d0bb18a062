"""Judging by labelled sets: prompts, models and classic methods compared, with verdicts that hold."""

from churn_agent.evals.runs.harness import (
    RunResult,
    compare,
    examine_sets,
    measure_abstention,
    measure_calibration,
    measure_faithfulness,
    measure_stability,
    most_disagreed,
    run_baselines,
    run_suite,
    search,
    transfer,
    transfer_calibration,
    write_report,
    write_summary,
)

__all__ = [
    "RunResult",
    "compare",
    "examine_sets",
    "measure_abstention",
    "measure_calibration",
    "measure_faithfulness",
    "measure_stability",
    "most_disagreed",
    "run_baselines",
    "run_suite",
    "search",
    "transfer",
    "transfer_calibration",
    "write_report",
    "write_summary",
]
