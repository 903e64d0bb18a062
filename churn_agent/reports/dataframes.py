"""Records as a data frame with one row each, for notebooks and joins with a warehouse."""

from collections.abc import Iterable
from datetime import date
from importlib.util import find_spec
from typing import Any, Literal, get_args

import narwhals as nw

from churn_agent.domain.assessment import Assessment
from churn_agent.errors import InputError, Unavailable
from churn_agent.reports import wording

Library = Literal["pandas", "polars", "pyarrow"]
_LIBRARIES: tuple[Library, ...] = get_args(Library)
_SCHEMA: dict[str, Any] = {
    "customer_id": nw.String(),
    "as_of": nw.Date(),
    "status": nw.String(),
    "band": nw.String(),
    "score": nw.Float64(),
    "probability": nw.Float64(),
    "low": nw.Float64(),
    "high": nw.Float64(),
    "reason": nw.String(),
    "quote": nw.String(),
    "action": nw.String(),
    "signals": nw.String(),
    "model": nw.String(),
    "prompt": nw.String(),
    "method": nw.String(),
}
COLUMNS = tuple(_SCHEMA)
"""`score` is uncalibrated, 0 to 1; `probability`, with its interval from `low` to `high`, is empty unless calibrated;
`reason` is the strongest reason for churn, `quote` its first verified quote, `signals` the ids of all signals,
separated by commas."""


def to_dataframe(records: Iterable[Assessment], *, library: Library = "pandas") -> Any:
    """Returns records as a data frame with one row each, in their order, and the columns `COLUMNS`.

    Args:
        records: assessments, such as those from `ChurnAgent.assess_many`.
        library: `pandas`, `polars` or `pyarrow`; it must be installed.

    Returns:
        A `pandas.DataFrame`, `polars.DataFrame` or `pyarrow.Table`.

    Raises:
        InputError: there is no such library.
        Unavailable: the library is not installed.
    """
    if library not in _LIBRARIES:
        raise InputError(f"{library!r} is not a data frame library; use one of {', '.join(_LIBRARIES)}")
    if find_spec(library) is None:
        raise Unavailable(f"{library} is not installed; run: pip install {library}")
    rows = [_row(record) for record in records]
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    return nw.from_dict(columns, schema=_SCHEMA, backend=library).to_native()


def _row(record: Assessment) -> dict[str, str | float | date | None]:
    number, how = record.churn_probability, record.provenance
    reason = next(iter(wording.cases(record)[0]), None)
    quotes = [citation.quote for citation in reason.citations if citation.verified] if reason else []
    calibrated = number if number and number.calibrated else None
    return {
        "customer_id": record.customer_id,
        "as_of": record.as_of,
        "status": record.status,
        "band": record.band,
        "score": number.raw if number else None,
        "probability": calibrated.value if calibrated else None,
        "low": calibrated.low if calibrated else None,
        "high": calibrated.high if calibrated else None,
        "reason": reason.statement if reason else None,
        "quote": quotes[0] if quotes else None,
        "action": record.actions[0].playbook_id if record.actions else None,
        "signals": ",".join(signal.concept for signal in record.signals),
        "model": how.model_id,
        "prompt": how.prompt,
        "method": how.method,
    }
