"""Weights for machines without a network: copied from a folder or from a bundle.

A bundle is an uncompressed tar archive. Its first member, `manifest.json`, lists the other members with their sizes and
SHA-256. These are the weights files, at `MODEL/FILE`. Names in an archive are not used for extraction: files are found
by hash, copied to the model folder under a temporary name, checked and renamed.
"""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn_agent.errors import BadWeights, FileFormatError, InputError, Unavailable, WeightsMissing
from churn_agent.models import weights
from churn_agent.models.catalogue import Sha256, WeightsFile

MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 1 << 20


class _Member(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str
    bytes: int = Field(gt=0)
    sha256: Sha256


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: Literal["churn-agent weights"] = "churn-agent weights"
    version: Literal[1] = 1
    members: list[_Member]


Fetch = Callable[[WeightsFile, Path], None]
"""Writes a weights file to a path, or raises `WeightsMissing` if the source does not have it."""


def pack(target: Path, names: Iterable[str], models_dir: Path, progress: weights.Progress = weights.silent) -> None:
    """Writes a bundle of models whose weights are on this machine.

    The bundle is checked while it is written. An existing file is replaced only once the new one is complete.

    Raises:
        WeightsMissing: a model has not been pulled.
        BadWeights: a file in the model folder is damaged; no bundle is written.
        Unavailable: the bundle cannot be written.
    """
    contents: list[tuple[Path, WeightsFile, _Member]] = []
    for name in names:
        weights.find(name, models_dir)
        for file in weights.entry_of(name).files:
            member = _Member(path=f"{name}/{file.name}", bytes=file.bytes, sha256=file.sha256)
            contents.append((models_dir / name / file.name, file, member))
    manifest = _Manifest(members=[member for _, _, member in contents]).model_dump_json(indent=1).encode()
    with _writing(target.parent) as folder:
        scratch = folder / target.name
        with tarfile.open(scratch, "w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(_header(MANIFEST, len(manifest)), io.BytesIO(manifest))
            for path, file, member in contents:
                with path.open("rb") as source:
                    hashing = _Hashing(source, lambda done, f=file: progress(f.name, done, f.bytes))
                    archive.addfile(_header(member.path, file.bytes), hashing)
                if hashing.digest.hexdigest() != file.sha256:
                    raise BadWeights(f"{str(path)!r} is damaged; no bundle was written; delete the file and pull again")
        scratch.replace(target)


def unpack(
    source: Path,
    names: Iterable[str],
    models_dir: Path,
    progress: weights.Progress = weights.silent,
    *,
    link: bool = False,
) -> None:
    """Copies the missing files of models from a bundle, or from a folder, where they are found by hash.

    Args:
        source: a folder or a bundle.
        names: names of models in the catalogue.
        models_dir: folder of the weights.
        progress: called with (file name, bytes done, total bytes).
        link: make hard links to the files of a folder instead of copies, if the file system supports them.

    Raises:
        InputError: there is no such folder or file.
        FileFormatError: the file is not a bundle, or is damaged.
        WeightsMissing: the source does not have a file.
        BadWeights: a file in the bundle does not match its manifest; it is not kept.
        Unavailable: the model folder cannot be written.
    """
    entries = [weights.entry_of(name) for name in names]
    with _opened(source, link, progress) as fetch:
        for entry in entries:
            for file in weights.missing(entry, models_dir):
                folder = weights.folder_of(entry, models_dir)
                with _writing(folder) as scratch:
                    path = scratch / Path(file.name).name
                    fetch(file, path)
                    weights.keep(path, file, folder)


@contextmanager
def _opened(source: Path, link: bool, progress: weights.Progress) -> Generator[Fetch]:
    if source.is_dir():
        yield _from_folder(source, link, progress)
    elif not source.is_file():
        raise InputError(f"no folder or bundle {str(source)!r}")
    else:
        try:
            with tarfile.open(source, "r:") as archive:
                yield _from_bundle(source, archive, progress)
        except tarfile.TarError as error:
            raise FileFormatError(
                f"{str(source)!r} is not a bundle of weights, or is damaged ({error}); make a new one on a machine "
                "with the weights: churn-agent models bundle FILE"
            ) from error


def _from_folder(folder: Path, link: bool, progress: weights.Progress) -> Fetch:
    by_size: dict[int, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            by_size.setdefault(path.stat().st_size, []).append(path.resolve())

    def fetch(file: WeightsFile, target: Path) -> None:
        for path in by_size.get(file.bytes, []):
            if weights.sha256(path) == file.sha256:
                if link:
                    with suppress(OSError):  # another file system
                        os.link(path, target)
                        return
                with path.open("rb") as source, target.open("wb") as copy:
                    _copy(source, copy, file, progress)
                return
        raise WeightsMissing(_lacks(folder, file))

    return fetch


def _from_bundle(source: Path, archive: tarfile.TarFile, progress: weights.Progress) -> Fetch:
    members = _checked_members(source, archive)

    def fetch(file: WeightsFile, target: Path) -> None:
        member = members.get(file.sha256)
        if member is None:
            raise WeightsMissing(_lacks(source, file))
        content = archive.extractfile(member)
        assert content
        with content, target.open("wb") as copy:
            _copy(content, copy, file, progress)

    return fetch


def _checked_members(source: Path, archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """SHA-256 -> member. The archive must contain its manifest and exactly the plain files listed in it."""

    def refused(reason: str) -> FileFormatError:
        return FileFormatError(
            f"{str(source)!r} is not a bundle of weights: {reason}; copy it again, or make a new one"
        )

    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _LARGEST_MANIFEST:
        raise refused(f"its first member is not a {MANIFEST}")
    content = archive.extractfile(first)
    assert content
    try:
        manifest = _Manifest.model_validate_json(content.read())
    except ValidationError as error:
        raise refused(f"its {MANIFEST} cannot be read: {error.errors()[0]['msg']}") from error
    listed = {member.path: member for member in manifest.members}
    checked: dict[str, tarfile.TarInfo] = {}
    for member in archive.getmembers()[1:]:
        expected = listed.pop(member.name, None)
        if expected is None:
            raise refused(f"it contains {member.name!r} more often than its {MANIFEST} lists it")
        if not member.isreg() or member.size != expected.bytes:
            raise refused(f"{member.name!r} is not a plain file of {expected.bytes} bytes")
        checked[expected.sha256] = member
    if listed:
        raise refused(f"{min(listed)!r} is missing")
    return checked


def _lacks(source: Path, file: WeightsFile) -> str:
    return (
        f"{str(source)!r} does not have {file.name} ({file.bytes:,} bytes, SHA-256 {file.sha256}); "
        "make a bundle on a machine with the weights: churn-agent models bundle FILE"
    )


def _copy(source: IO[bytes], target: IO[bytes], file: WeightsFile, progress: weights.Progress) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)
        progress(file.name, target.tell(), file.bytes)


@contextmanager
def _writing(folder: Path) -> Generator[Path]:
    """A temporary folder in `folder`, always removed afterwards. Raises `Unavailable`."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as name:
            yield Path(name)
    except OSError as error:
        raise Unavailable(f"cannot read the weights or write to {str(folder)!r}: {error.strerror or error}") from error


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A header that depends only on the content, not on the user or the time."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o644
    return header


class _Hashing(io.RawIOBase):
    """A file that computes its hash while it is read."""

    def __init__(self, file: IO[bytes], report: Callable[[int], None]) -> None:
        self.digest = hashlib.sha256()
        self._file, self._report, self._done = file, report, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        self._done += len(chunk)
        self._report(self._done)
        return chunk
