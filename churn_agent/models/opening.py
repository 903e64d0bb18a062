"""Opens a model by name.

A name in the catalogue, a `.gguf` file, `xllamacpp:` before either, `openai:NAME` or `scripted[:FILE]`.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from churn_agent.errors import InputError, ModelUnavailable
from churn_agent.models import weights
from churn_agent.models.base import ChatModel
from churn_agent.models.catalogue import catalogue
from churn_agent.settings import Settings

if TYPE_CHECKING:
    from churn_agent.models.openai import OpenAIModel

_XLLAMACPP = "xllamacpp"
_COMPILED = ("llama_cpp", "llguidance")


def open_model(settings: Settings, *, notify: Callable[[str], None] = lambda line: None) -> ChatModel:
    """Loads or connects to the model named in the settings.

    Args:
        settings: name the model and its options.
        notify: called with the address that an API has, before anything is sent there, and if a local model runs on
            xllamacpp because the compiled engine is not installed.

    Raises:
        InputError: the name is unknown.
        WeightsMissing, BadWeights, ModelUnavailable: the model cannot be used on this machine.
    """
    kind, _, rest = settings.model.partition(":")
    if is_stand_in(settings):
        from churn_agent.models.scripted import ScriptedModel

        return ScriptedModel.open(Path(rest)) if rest else ScriptedModel()
    if kind == "openai" and rest:
        model = _open_api(settings, rest)
        notify(_sent_to(settings, model))
        return model
    if kind == _XLLAMACPP and rest:
        return _open_xllamacpp(settings)
    return _open_gguf(settings, notify)


def sent_to(settings: Settings) -> str | None:
    """The sentence that names the address of the API that would get customers' words; None if no API would.

    Nothing is contacted.

    Raises:
        InputError: the address is not one.
        ModelUnavailable: the API cannot be used.
    """
    kind, _, name = settings.model.partition(":")
    if kind != "openai" or not name:
        return None
    model = _open_api(settings, name)
    try:
        return _sent_to(settings, model)
    finally:
        model.close()


def _open_api(settings: Settings, name: str) -> "OpenAIModel":
    from churn_agent.models.openai import OpenAIModel

    return OpenAIModel(
        name,
        base_url=settings.base_url,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        timeout_s=settings.request_timeout_s,
        attempts=settings.request_attempts,
    )


def _sent_to(settings: Settings, model: "OpenAIModel") -> str:
    return f"the words of customers that {settings.model} reads are sent to {model.address}"


def is_stand_in(settings: Settings) -> bool:
    """Whether the settings name a stand-in for a model."""
    return settings.model.partition(":")[0] == "scripted"


def is_local(settings: Settings) -> bool:
    """Whether the settings name a model that runs on this machine from a weights file."""
    return settings.model.partition(":")[0] not in ("scripted", "openai")


def without_runtime(name: str) -> str:
    """The name of a model's weights: `xllamacpp:NAME` uses those of `NAME`."""
    return name.removeprefix(f"{_XLLAMACPP}:")


def weights_name(settings: Settings) -> str:
    """The name of the weights that the language model of the settings uses."""
    return without_runtime(settings.model)


def require_compiled_engine() -> None:
    """Raises `ModelUnavailable`, naming both extras, unless llama-cpp-python and its requirements can be imported."""
    try:
        from churn_agent.models.gguf import engine  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as error:
        if error.name not in _COMPILED:
            raise
        reason, cause = f"{error.name} is not installed", error
    except (ImportError, OSError, RuntimeError) as error:  # its shared library, or one that it needs, is missing
        reason, cause = f"llama-cpp-python cannot be loaded ({(str(error).splitlines() or ['?'])[0]})", error
    else:
        return
    raise ModelUnavailable(
        f"{reason}; run: pip install 'churn-agent[llama-cpp]' (compiles llama.cpp), "
        "or: pip install 'churn-agent[xllamacpp]' (compiles nothing, slower)"
    ) from cause


def find_gguf(settings: Settings) -> tuple[Path, str, str]:
    """(file, name, sha256) of the local model named in the settings.

    Raises:
        InputError: the name is unknown.
        WeightsMissing, BadWeights: the file is missing or is not a model.
    """
    name = weights_name(settings)
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
        f"unknown model {name!r}; use one of {known}, a .gguf file, xllamacpp:NAME, openai:NAME or scripted"
    )


def _open_xllamacpp(settings: Settings) -> ChatModel:
    from churn_agent.models.xllamacpp import XllamacppModel

    path, name, sha256 = find_gguf(settings)
    return XllamacppModel(
        path,
        model_id=f"{_XLLAMACPP}:{name}",
        sha256=sha256,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
    )


def _open_gguf(settings: Settings, notify: Callable[[str], None]) -> ChatModel:
    path, name, sha256 = find_gguf(settings)
    try:
        require_compiled_engine()
    except ModelUnavailable as error:
        if find_spec(_XLLAMACPP) is None:
            raise
        notify(f"{str(error).partition(';')[0]}: the model runs on xllamacpp, which is slower")
        return _open_xllamacpp(settings)
    from churn_agent.models.gguf.file import probe
    from churn_agent.models.gguf.model import GGUFModel
    from churn_agent.models.gguf.tuning import Tuning, load_tuning

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
