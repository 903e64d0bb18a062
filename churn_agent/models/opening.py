"""Names to models: a catalogue name, a `.gguf` file, `openai:NAME`, `scripted[:FILE]`."""

from pathlib import Path

from churn_agent.errors import InputError
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
    return _open_gguf(settings)


def _open_gguf(settings: Settings) -> ChatModel:
    name = settings.model
    entry = catalogue().get(name)
    if entry and entry.kind == "language":
        path, sha256 = weights.find(name, settings.models_dir), entry.files[0].sha256
    elif name.endswith(".gguf"):
        from churn_agent.models.gguf.file import probe

        path = Path(name)
        probe(path)
        name, sha256 = path.name, weights.sha256(path)
    else:
        known = ", ".join(e.name for e in catalogue().values() if e.kind == "language")
        raise InputError(f"unknown model {name!r}; give one of {known}, a .gguf file, openai:NAME or scripted")
    from churn_agent.models.gguf.model import GGUFModel

    return GGUFModel(
        path,
        model_id=name,
        sha256=sha256,
        context_tokens=settings.context_tokens,
        n_threads=settings.threads or None,
        gpu_layers=settings.gpu_layers,
    )
