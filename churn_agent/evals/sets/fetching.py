"""Fetches public labelled sets from where they were published, and makes set folders of them.

A folder is built under another name and renamed when it is whole, so a set that stands under its own name can be used.
"""

import csv
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

import httpx
import tenacity

from churn_agent.errors import FileFormatError, InputError, Unavailable
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.converting import CONVERTERS
from churn_agent.evals.sets.converting.cases import Case, Converter, Event, Originals
from churn_agent.evals.sets.labelled import Fetch
from churn_agent.models import weights


@dataclass(frozen=True)
class Fetched:
    """A set that was made."""

    folder: Path
    licence: str
    customers: int
    churned: int
    interactions: int
    sha256: Mapping[str, str]
    """Address or path that a file was read from -> its hash."""
    trust: tuple[str, ...]
    """What says, or does not say, that this is the set of the description."""


def fetch(
    name: str,
    *,
    source: str | None = None,
    to: Path | None = None,
    sets_dir: Path | None = None,
    notify: Callable[[str], None] = lambda what: None,
) -> Fetched:
    """Fetches a public set and converts it. Nothing is left of a set that fails.

    Args:
        name: name of the set.
        source: a copy of the originals: a file (of a set made from one), or a folder that holds them by their names or
            by the ends of their addresses; a path, or an address.
        to: folder of the set, not there or empty; named after the set in `sets_dir` if not given.
        sets_dir: folder of sets, as `Settings.sets_dir`; the working folder if not given.
        notify: called with a few words about progress.

    Raises:
        InputError: there is no such set, it has no converter, or its folder cannot be written.
        Unavailable: an original cannot be had, or is not the one that the description names.
        FileFormatError: an original does not hold what the converter reads.
    """
    origin, licence = _origin(name)
    convert = CONVERTERS.get(origin.converter)
    if convert is None:
        raise InputError(f"set {name!r}: unknown converter {origin.converter!r}; choose from {', '.join(CONVERTERS)}")
    to = to or (sets_dir or Path()) / name
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        raise InputError(f"{str(to)!r} exists and is not empty; remove it, or choose another folder with -o")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".fetching-") as scratch:
            came = _originals(origin, source, Path(scratch), notify)
            hashes = _checked(origin, came)
            try:
                cases = _converted(convert, {url: file for url, (file, _) in came.items()})
            except (FileFormatError, ValueError) as error:
                reason = str(error).replace(f"{Path(scratch)}", "").lstrip("/\\")  # that folder will be gone
                raise FileFormatError(f"set {name!r}: its original files are not as expected: {reason}") from error
            new = Path(scratch) / "set"
            new.mkdir()
            interactions = _write(new, cases)
            shutil.copyfile(sets.shipped_folder() / "sets" / f"{name}.yaml", new / "set.yaml")
            if to.exists():
                to.rmdir()
            new.rename(to)
    except OSError as error:
        raise InputError(f"cannot use {str(error.filename or to)!r}: {error.strerror or error}") from error
    churned = sum(case.churned for case in cases)
    trust = _trust(origin, source, len(cases), churned)
    return Fetched(to, licence, len(cases), churned, interactions, hashes, trust)


def _origin(name: str) -> tuple[Fetch, str]:
    """What a set is made from, and its licence."""
    if (shipped := sets.shipped_folder() / "datasets" / name).is_dir():
        raise InputError(f"set {name!r} need not be fetched; it is shipped: {shipped}")
    can = {
        set_name: (description.fetch, description.licence)
        for set_name, description in sets.list_descriptions().items()
        if description.fetch
    }
    if name not in can:
        raise InputError(f"no set {name!r}; choose from {', '.join(can)}")
    return can[name]


# --- getting the originals


def _originals(
    fetch: Fetch, source: str | None, scratch: Path, notify: Callable[[str], None]
) -> dict[str, tuple[Path, str]]:
    """Address on the description -> (file, where it is from)."""
    if source is not None and not source.startswith(("https://", "http://")):
        path = Path(url2pathname(urlsplit(source).path) if source.startswith("file://") else source)
        return {url: (file, str(file)) for url, file in _local(fetch.urls, path).items()}
    files: dict[str, tuple[Path, str]] = {}
    for n, url in enumerate(fetch.urls):
        address = _elsewhere(url, fetch.urls, source) if source else url
        notify(f"fetching {address}")
        file = scratch / f"{n}-{_names(url)[-1]}"
        _download(address, file)
        files[url] = file, address
    return files


def _local(urls: Sequence[str], path: Path) -> dict[str, Path]:
    """Files of a folder, by as much of the ends of their addresses as the folder has; or the one file."""
    if path.is_file():
        if len(urls) > 1:
            raise InputError(f"the set needs {len(urls)} files; name their folder instead of {path}")
        return {urls[0]: path}
    files: dict[str, Path] = {}
    for url in urls:
        names = _names(url)
        ends = (path.joinpath(*names[n:]) for n in range(len(names)))
        file = next((candidate for candidate in ends if candidate.is_file()), None)
        if file is None or file in files.values():
            raise InputError(f"{str(path)!r} does not contain {'/'.join(names[3:])!r}, of {url}")
        files[url] = file
    return files


def _names(url: str) -> list[str]:
    return unquote(urlsplit(url).path).strip("/").split("/")


def _elsewhere(url: str, urls: Sequence[str], source: str) -> str:
    """The address of a copy: `source` itself if it names the one file, else below it as below what all share."""
    if len(urls) == 1 and not source.endswith("/"):
        return source
    shared = posixpath.commonpath([posixpath.dirname(urlsplit(address).path) for address in urls])
    return urljoin(source.rstrip("/") + "/", posixpath.relpath(urlsplit(url).path, shared))


_TOO_MANY_REQUESTS = 429


def _can_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == _TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx.TransportError)


_again = tenacity.Retrying(
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_random_exponential(multiplier=0.5, max=10),
    retry=tenacity.retry_if_exception(_can_pass),
    reraise=True,
)


def _download(url: str, to: Path) -> None:
    try:
        _again(_stream, url, to)
    except httpx.HTTPStatusError as error:
        reason = f"the server responded with {error.response.status_code} {error.response.reason_phrase}"
        raise Unavailable(f"cannot fetch {url}: {reason}; use a copy with --from") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise Unavailable(f"cannot fetch {url}: {reason}; try again, or use a copy with --from") from error


def _stream(url: str, to: Path) -> None:
    with httpx.stream("GET", url, follow_redirects=True, timeout=30.0) as response:
        response.raise_for_status()
        with to.open("wb") as file:
            file.writelines(response.iter_bytes())


def _checked(fetch: Fetch, came: Mapping[str, tuple[Path, str]]) -> dict[str, str]:
    """Where a file is from -> its hash. Raises `Unavailable` for one that is not the expected one."""
    hashes = {where: weights.sha256(file) for file, where in came.values()}
    for expected, (where, actual) in zip(fetch.sha256, hashes.items(), strict=False):
        if actual != expected:
            raise Unavailable(
                f"{where} is not the file that the description names: its SHA-256 is {actual}, not {expected}"
            )
    return hashes


def _trust(fetch: Fetch, source: str | None, customers: int, churned: int) -> tuple[str, ...]:
    pinned = "it is pinned only by the commit in its address" if source is None else "your copy is not verified"
    notes = ["the SHA-256 matches the description" if fetch.sha256 else f"the description has no SHA-256: {pinned}"]
    if fetch.customers and (fetch.customers, fetch.churned) != (customers, churned):
        notes.append(
            f"WARNING, the description says otherwise: {fetch.customers:,} customers, {fetch.churned:,} churned"
        )
    elif fetch.customers:
        notes.append("the numbers of customers and churned match the description")
    return tuple(notes)


# --- making a set


def _converted(convert: Converter, originals: Originals) -> list[Case]:
    """By customer id, so that no order tells the outcome."""
    cases = sorted(convert(originals), key=lambda case: case.customer_id)
    churned = sum(case.churned for case in cases)
    if not 0 < churned < len(cases):
        raise ValueError(f"of {len(cases)} customers {churned} churned")
    return cases


def _write(folder: Path, cases: Iterable[Case]) -> int:
    """Writes the tables of a set. Returns how many interactions there are."""
    interactions: list[Event] = []
    labels: list[Event] = []
    customers: list[Event] = []
    for case in cases:
        who: Event = {"customer_id": case.customer_id}
        interactions += [who | event for event in case.events]
        labels.append(who | {"churned": int(case.churned), "as_of": case.as_of})
        if case.attributes:
            customers.append({**who, **case.attributes})
    for name, rows in (("interactions", interactions), ("labels", labels), ("customers", customers)):
        if rows:
            columns = dict.fromkeys(column for row in rows for column in row)
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(columns), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    return len(interactions)
