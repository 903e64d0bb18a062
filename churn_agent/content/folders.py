"""The folders of prompts, signals and actions."""

from pathlib import Path


def shipped_folder() -> Path:
    """The `prompts/` folder: that of the checkout if there is one, else the copy in the wheel."""
    package = Path(__file__).parents[1]
    checkout = package.parent
    return checkout / "prompts" if (checkout / "pyproject.toml").is_file() else package / "_prompts"


def own_or_shipped(name: str, folder: Path | None) -> Path:
    """The file of that name in the user's folder if there is one, else the shipped file."""
    own = folder / name if folder else None
    return own if own and own.exists() else shipped_folder() / name
