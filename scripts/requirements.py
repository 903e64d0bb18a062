"""Prints every requirement of the project: its own, those of all extras, and the development tools."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
metadata = project["project"]
groups = [metadata["dependencies"], *metadata["optional-dependencies"].values(), project["dependency-groups"]["dev"]]
own = f"{metadata['name']}["  # extras that name other extras
print(*sorted({each for group in groups for each in group if not each.startswith(own)}), sep="\n")
