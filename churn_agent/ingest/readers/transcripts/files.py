"""Customer and time from the name of a file."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_DATE = r"(?P<year>(?:19|20)\d{2})[-_.]?(?P<month>\d{2})[-_.]?(?P<day>\d{2})"
_TIME = r"(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)(?:[-_.:]?(?P<second>[0-5]\d))?(?P<utc>Z)?"
_USUAL = re.compile(rf"(?P<customer_id>.+?)_{_DATE}(?:[T_ -]{_TIME})?(?:[_ ].*)?")
_ANYWHERE = re.compile(rf"(?<!\d)(?P<gmt>GMT)?{_DATE}(?:[T_ -]+{_TIME})?(?!\d)")
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class FileName:
    """What the name of a file says."""

    customer: str = ""
    started: datetime | None = None


def read_name(stem: str, pattern: str | None = None) -> FileName:
    """Reads the name of a file without its ending.

    Args:
        stem: the name.
        pattern: such as `{customer_id}_{date}_{time}`; other names in braces match anything. If None, the name is
            `CUSTOMER_2026-03-01` or `CUSTOMER_2026-03-01T14-30`, or just has a date in it.
    """
    if pattern:
        match = re.fullmatch(_as_regex(pattern), stem)
        return _of(match) if match else FileName()
    match = _USUAL.fullmatch(stem)
    usual = _of(match) if match else FileName()
    if usual.started and not usual.customer.casefold().startswith(("gmt", "recording", "meeting", "call_")):
        return usual
    start = _ANYWHERE.search(stem)
    return FileName(started=_of(start).started if start else None)


def _as_regex(pattern: str) -> str:
    parts = _FIELD.split(pattern)
    special = {"date": _DATE, "time": _TIME}
    seen: set[str] = set()
    regex = re.escape(parts[0])
    for name, literal in zip(parts[1::2], parts[2::2], strict=True):
        regex += (
            special[name] if name in special and name not in seen else f"(?P<{name}>.+?)" if name not in seen else ".+?"
        )
        seen.add(name)
        regex += re.escape(literal)
    return regex


def _of(match: re.Match[str]) -> FileName:
    groups = match.groupdict()
    try:
        started = datetime(
            int(groups["year"]), int(groups["month"]), int(groups["day"]),
            int(groups.get("hour") or 0), int(groups.get("minute") or 0), int(groups.get("second") or 0),
            tzinfo=UTC if groups.get("gmt") or groups.get("utc") else None,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        started = None
    return FileName(groups.get("customer_id") or "", started)
