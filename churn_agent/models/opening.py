"""Names to models: a catalogue name, a `.gguf` file, `xllamacpp:` before either, `openai:NAME`, `scripted[:FILE]`."""

from pathlib import Path

from churn_agent.errors import InputError, ModelUnavailable
from churn_agent.models import weights
from churn_agent.models.base import ChatModel
from churn_agent.models.catalogue import catalogue
from churn_agent.settings import Settings


def open_model(settings: Settings) -> ChatModel:
    """Loads or connects the model that the settings name.

    Raises:
        InputError: the name means nothing.
        WeightsMissing, BadWeights, ModelUnavailable: it cannot be used here.
    """
    kind, _, rest = settings.model.partition(":")
    if kind == "scripted":
        from churn_agent.models.scripted import ScriptedModel

        return ScriptedModel.open(Path(rest)) if rest else ScriptedModel()
    if kind == "openai" and rest:
        from churn_agent.models.openai import OpenAIModel

        return OpenAIModel(
            rest,
            base_url=settings.base_url,
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            timeout_s=settings.request_timeout_s,
            attempts=settings.request_attempts,
        )
    if kind == "xllamacpp" and rest:
        from churn_agent.models.xllamacpp import XllamacppModel

        path, name, sha256 = find_gguf(settings)
        return XllamacppModel(
            path,
            model_id=f"xllamacpp:{name}",
            sha256=sha256,
            context_tokens=settings.context_tokens,
            threads=settings.threads,
            gpu_layers=settings.gpu_layers,
        )
    return _open_gguf(settings)


def find_gguf(settings: Settings) -> tuple[Path, str, str]:
    """(file, name, sha256) of the local model that the settings name.

    Raises:
        InputError: the name means nothing.
        WeightsMissing, BadWeights: the file is not there, or is no model.
    """
    name = settings.model.removeprefix("xllamacpp:")
    entry = catalogue().get(name)
    if entry and entry.kind == "language":
        return weights.find(name, settings.models_dir), name, entry.files[0].sha256
    if name.endswith(".gguf"):
        from churn_agent.models.gguf.file import check_header

        path = Path(name)
        check_header(path)
        return path, path.name, weights.sha256(path)
    known = ", ".join(e.name for e in catalogue().values() if e.kind == "language")
    raise InputError(
        f"unknown model {name!r}; give one of {known}, a .gguf file, xllamacpp:NAME, openai:NAME or scripted"
    )


def _open_gguf(settings: Settings) -> ChatModel:
    path, name, sha256 = find_gguf(settings)
    try:
        from churn_agent.models.gguf.file import probe
        from churn_agent.models.gguf.model import GGUFModel
        from churn_agent.models.gguf.tuning import Tuning, load_tuning
    except ModuleNotFoundError as error:
        if error.name not in ("llama_cpp", "llguidance"):
            raise
        raise ModelUnavailable(
            f"{error.name} is not installed; run: pip install 'churn-agent[llama-cpp]' (it compiles), "
            f"or: pip install 'churn-agent[xllamacpp]' and set the model to xllamacpp:{settings.model}"
        ) from error
    if name not in catalogue():
        probe(path)

    tuning = load_tuning(sha256) or Tuning()
    return GGUFModel(
        path,
        model_id=name,
        sha256=sha256,
        context_tokens=settings.context_tokens,
        tuning=tuning.model_copy(update={"threads": settings.threads}) if settings.threads else tuning,
        gpu_layers=settings.gpu_layers,
        prefix_folder=settings.models_dir / "prefixes" if settings.prefix_cache_mb else None,
        prefix_bytes=settings.prefix_cache_mb << 20,
    )
