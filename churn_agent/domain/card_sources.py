"""The sources that a card names, from which `weekly` imports."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+://")
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class CardSource(BaseModel):
    """A source: a path, a glob or the address of a database; or files with what `ingest` needs beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    """Files, folders or globs of interactions, or the address of a database. Relative ones are relative to the card."""
    customers: str | None = None
    labels: str | None = None
    measurements: str | None = None
    mapping: str | None = None
    """A mapping file (`.yaml`), or the name of a shipped mapping."""
    query: str | None = None
    sheet: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: Any) -> Any:
        return {"files": (value,)} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_usable(self) -> "CardSource":
        if not (self.files or self.customers or self.labels or self.measurements):
            raise ValueError("a source needs 'files', 'customers', 'labels' or 'measurements'")
        if any(_PASSWORD.search(text) for text in self.files):
            raise ValueError("a card does not hold passwords; leave them to the driver, such as in ~/.pgpass")
        return self

    @property
    def name(self) -> str:
        """Its first file, for messages."""
        return next(iter((*self.files, *filter(None, (self.customers, self.labels, self.measurements)))))

    def within(self, folder: Path) -> "CardSource":
        """Returns the source with absolute paths; relative ones are in `folder`."""

        def absolute(text: str | None) -> str | None:
            return text if text is None or _ADDRESS.match(text) else str(folder / Path(text).expanduser())

        is_file = self.mapping is not None and Path(self.mapping).suffix in (".yaml", ".yml")
        return self.model_copy(
            update={
                "files": tuple(str(absolute(text)) for text in self.files),
                "customers": absolute(self.customers),
                "labels": absolute(self.labels),
                "measurements": absolute(self.measurements),
                "mapping": absolute(self.mapping) if is_file else self.mapping,
            }
        )
