"""Settings: the only reader of the environment.

Precedence: command-line flag, environment (`CHURN_AGENT_*`), `.env`, `churn-agent.toml` in the working folder,
`config.toml` in the user's configuration folder, default.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from churn_agent.errors import InputError

APP = "churn-agent"
PROJECT_FILE = Path("churn-agent.toml")
USER_FILE = user_config_path(APP) / "config.toml"

Share = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseSettings):
    """Everything that can be set. `.env.example` explains each field."""

    model_config = SettingsConfigDict(
        env_prefix="CHURN_AGENT_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    store: Path = Field(default_factory=lambda: user_data_path(APP) / "store")
    """Folder of the database and the index."""
    models_dir: Path = Field(default_factory=lambda: user_cache_path(APP) / "models")
    """Folder of model weights."""
    prompts_dir: Path | None = None
    """Folder of one's own prompt files, added to the shipped ones."""

    sets_dir: Path | None = None
    """Folder of labelled sets, one folder each, that suites of evals may name."""

    model: str = "qwen2.5-coder-1.5b-instruct"
    """A name of the catalogue, a path to a .gguf file, `openai:NAME`, or `scripted[:FILE]`."""
    embedder: str = "all-minilm-l6-v2"
    """A name of the catalogue, or a folder with a sentence-transformers model."""
    mode: Literal["ask", "read", "explain"] = "read"
    """How the model is used."""
    prompt: str | None = None
    """Name of a prompt variant of the mode; the mode's default if not set."""
    method: str | None = None
    """A method trained on labels (`churn-agent train`) that gives the number, or `none`. If not set, what `calibrate`
    made, where it did; else the mode."""
    band_medium_from: Share | None = None
    """Calibrated probability from which on a customer is of medium risk; the base rate if not set."""
    band_high_from: Share | None = None
    """The same for high risk; three times the odds of the base rate if not set."""
    band_margin: Annotated[float, Field(ge=0, le=2)] = 0.5
    """Log-odds by which a boundary must be passed to leave the band of the customer's assessment before."""
    least_days_known: Annotated[int, Field(ge=0)] = 7
    """Customers without a message to read whose history goes back fewer days get no number. Justified by
    `churn-agent eval abstention`."""

    evidence_tokens: Annotated[int, Field(ge=50)] = 1000
    """Room for evidence in a prompt, in tokens of the language model."""
    evidence_limit: Annotated[int, Field(ge=1, le=200)] = 12
    """Most interactions that a model is shown."""
    evidence_order: Literal["oldest_first", "newest_first", "shuffled"] = "oldest_first"
    """How evidence is laid before a model that sees it all at once."""
    context_tokens: Annotated[int, Field(ge=512)] = 4096
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of the local model; 0 takes what `models tune` found, else the physical cores."""
    gpu_layers: int = 0
    """Layers of the local model on a GPU; -1 is all, and needs a llama-cpp-python built for it."""
    prefix_cache_mb: Annotated[int, Field(ge=0)] = 1024
    """Most megabytes of evaluated prompt prefixes kept in the model folder between runs; 0 keeps none."""
    seed: int = 0

    answers_limit: Annotated[int, Field(ge=0)] = 1_000_000
    """Most answers of models that the store keeps, so that they are paid once; the oldest go first."""

    base_url: str | None = None
    """Address of an OpenAI-compatible API, such as http://127.0.0.1:8080/v1."""
    api_key: SecretStr | None = None
    prompt_price: Annotated[float, Field(ge=0)] = 0.0
    """Of a million prompt tokens, where the model is paid for."""
    output_price: Annotated[float, Field(ge=0)] = 0.0
    """Of a million output tokens."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    request_attempts: Annotated[int, Field(ge=1, le=10)] = 4
    """Tries of one request to an API, with growing pauses between them."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            TomlConfigSettingsSource(settings_cls, PROJECT_FILE),
            TomlConfigSettingsSource(settings_cls, USER_FILE),
        )

    @classmethod
    def load(cls, **flags: Any) -> "Settings":
        """Reads all sources; flags that are None are left to the other sources.

        Raises:
            InputError: a value does not fit its setting, or there is no such setting.
        """
        _refuse_unknown(flags)
        try:
            return cls(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            raise _misfit(error) from error
        except ValueError as error:  # a TOML file that cannot be parsed
            raise InputError(f"cannot read the settings files: {error}") from error

    def changed(self, **updates: Any) -> "Settings":
        """These settings with some others, None included; no source is read again.

        Raises:
            InputError: a value does not fit its setting, or there is no such setting.
        """
        _refuse_unknown(updates)
        new = Settings.__new__(Settings)
        try:
            BaseModel.__init__(new, **dict(self) | updates)  # `Settings(...)` would read the sources
        except ValidationError as error:
            raise _misfit(error) from error
        return new


def _refuse_unknown(names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(Settings.model_fields))
    if unknown:
        raise InputError(f"there is no setting {unknown[0]!r}; .env.example lists them all")


def _misfit(error: ValidationError) -> InputError:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    return InputError(f"setting {name!r} cannot be {first.get('input')!r}: {first['msg']}")
