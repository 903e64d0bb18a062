"""The thresholds of a prompt for the model that reads with it: shipped, or measured here by `churn-agent models fit`.

Those measured here are in the model folder, one JSON file for each model (by its fingerprint) and prompt (by its hash).
"""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from churn_agent.content.prompts import PromptTemplate, shipped_fits
from churn_agent.content.thresholds import Fit
from churn_agent.files import atomic
from churn_agent.models.base import ModelInfo

FOLDER = "thresholds"


def for_model(prompt: PromptTemplate, info: ModelInfo, models_dir: Path) -> PromptTemplate:
    """The prompt with the thresholds for a model.

    Thresholds measured here come before shipped ones. Without either, those of the default model are used and the
    prompt is not `fitted`: its scores rank customers but give no bands. A stand-in for a model counts as fitted.
    """
    if not prompt.has_thresholds or info.stand_in:
        return prompt
    fit = kept_fit(prompt, info, models_dir) or shipped_fit(prompt, info.sha256)
    start = (prompt.fits or shipped_fits())[0]
    return prompt.model_copy(update={"thresholds": (fit or start).values, "fitted": fit is not None})


def shipped_fit(prompt: PromptTemplate, sha256: str | None) -> Fit | None:
    """The shipped thresholds of a prompt for the model with these weights, or None."""
    fits = (fit for fit in prompt.fits if fit.prompt_hash == prompt.content_hash)
    return next((fit for fit in fits if sha256 is not None and fit.sha256 == sha256), None)


def kept_fit(prompt: PromptTemplate, info: ModelInfo, models_dir: Path) -> Fit | None:
    """The thresholds of a prompt measured here for a model; None if there are none or their file is damaged."""
    fit = _read(_path(prompt, info.fingerprint, models_dir))
    same = fit is not None and (fit.fingerprint, fit.prompt_hash) == (info.fingerprint, prompt.content_hash)
    return fit if same else None


def keep_fit(fit: Fit, prompt: PromptTemplate, models_dir: Path) -> Path:
    """Stores thresholds measured here, replacing those of the same model and prompt.

    Returns:
        The file.

    Raises:
        OSError: the file cannot be written.
    """
    path = _path(prompt, fit.fingerprint or "", models_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, fit.model_dump_json(indent=1))
    return path


def kept_fits(prompt: PromptTemplate, models_dir: Path) -> list[Fit]:
    """All thresholds of a prompt measured here, sorted by the name of the model."""
    fits = [_read(path) for path in sorted((models_dir / FOLDER).glob("*.json"))]
    of_prompt = [fit for fit in fits if fit and fit.prompt_hash == prompt.content_hash]
    return sorted(of_prompt, key=lambda fit: fit.model)


def _path(prompt: PromptTemplate, fingerprint: str, models_dir: Path) -> Path:
    name = hashlib.sha256(f"{fingerprint} {prompt.content_hash}".encode()).hexdigest()[:40]
    return models_dir / FOLDER / f"{name}.json"


def _read(path: Path) -> Fit | None:
    try:
        return Fit.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
