"""Settings, and the only reader of the environment: `Settings.load`.

`Settings(...)` reads nothing: what is not passed has its default. `Settings.load` takes, by precedence: keyword
arguments (command-line flags), the environment (`CHURN_AGENT_*`), `.env` and `churn-agent.toml` in the working folder,
`config.toml` in the user's configuration folder, defaults. The two files of the working folder may set what is
harmless; the rest they may set if the user trusts them (`churn-agent trust`).
"""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from churn_agent.errors import InputError, UntrustedSettings
from churn_agent.settings import files as settings_files
from churn_agent.settings import trust
from churn_agent.settings.files import HARMLESS, NEEDS_TRUST, PREFIX, SettingsFile
from churn_agent.settings.trust import APP

PROJECT_FILES = (".env", "churn-agent.toml")
"""Settings files of the working folder, by precedence."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """Everything that can be set. `.env.example` explains each field.

    The constructor reads neither the environment nor any file; `Settings.load` does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: Annotated[Path, NEEDS_TRUST] = Field(default_factory=lambda: user_data_path(APP) / "store")
    """Folder of the database and the index."""
    models_dir: Annotated[Path, NEEDS_TRUST] = Field(default_factory=lambda: user_cache_path(APP) / "models")
    """Folder of model weights."""
    prompts_dir: Annotated[Path | None, NEEDS_TRUST] = None
    """Folder of one's own prompt files, added to the shipped ones."""

    sets_dir: Annotated[Path | None, NEEDS_TRUST] = None
    """Folder of labelled sets, one folder each, that suites of evals may name."""

    model: Annotated[str, NEEDS_TRUST] = "qwen2.5-coder-1.5b-instruct"
    """A name of the catalogue, a path to a .gguf file, `openai:NAME`, or `scripted[:FILE]`."""
    embedder: Annotated[str, NEEDS_TRUST] = "all-minilm-l6-v2"
    """A name of the catalogue, or a folder with a sentence-transformers model."""
    mode: Annotated[Literal["ask", "read", "explain"], HARMLESS] = "read"
    """How the model is used."""
    prompt: Annotated[str | None, HARMLESS] = None
    """Name of a prompt variant of the mode; the mode's default if not set."""
    method: Annotated[str | None, HARMLESS] = None
    """A method trained on labels (`churn-agent train`) that gives the number, or `none`. If not set, what `calibrate`
    made, where it did; else the mode."""
    band_medium_from: Annotated[Share | None, HARMLESS] = None
    """Calibrated probability from which on a customer is of medium risk; the base rate if not set."""
    band_high_from: Annotated[Share | None, HARMLESS] = None
    """The same for high risk; three times the odds of the base rate if not set."""
    band_margin: Annotated[float, Field(ge=0, le=2), HARMLESS] = 0.5
    """Log-odds by which a boundary must be passed to leave the band of the customer's assessment before."""
    least_days_known: Annotated[int, Field(ge=0), HARMLESS] = 7
    """Customers without a message to read whose history goes back fewer days get no number. Justified by
    `churn-agent eval abstention`."""

    evidence_tokens: Annotated[int, Field(ge=50), HARMLESS] = 1000
    """Room for evidence in a prompt, in tokens of the language model."""
    evidence_limit: Annotated[int, Field(ge=1, le=200), HARMLESS] = 12
    """Most interactions that a model is shown."""
    evidence_order: Annotated[Literal["oldest_first", "newest_first", "shuffled"], HARMLESS] = "oldest_first"
    """How evidence is laid before a model that sees it all at once."""
    context_tokens: Annotated[int, Field(ge=512), HARMLESS] = 4096
    threads: Annotated[int, Field(ge=0), HARMLESS] = 0
    """Threads of the local model; 0 takes what `models tune` found, else the physical cores."""
    gpu_layers: Annotated[int, HARMLESS] = 0
    """Layers of the local model on a GPU; -1 is all, and needs a llama-cpp-python built for it."""
    prefix_cache_mb: Annotated[int, Field(ge=0), HARMLESS] = 1024
    """Most megabytes of evaluated prompt prefixes kept in the model folder between runs; 0 keeps none."""
    seed: Annotated[int, HARMLESS] = 0

    answers_limit: Annotated[int, Field(ge=0), NEEDS_TRUST] = 1_000_000
    """Most answers of models that the store keeps, so that they are paid once; the oldest go first."""

    base_url: Annotated[str | None, NEEDS_TRUST] = None
    """Address of an OpenAI-compatible API, such as http://127.0.0.1:8080/v1."""
    api_key: Annotated[SecretStr | None, NEEDS_TRUST] = None
    prompt_price: Annotated[float, Field(ge=0), NEEDS_TRUST] = 0.0
    """Of a million prompt tokens, where the model is paid for."""
    output_price: Annotated[float, Field(ge=0), NEEDS_TRUST] = 0.0
    """Of a million output tokens."""
    request_timeout_s: Annotated[float, Field(gt=0), HARMLESS] = 60.0
    request_attempts: Annotated[int, Field(ge=1, le=10), HARMLESS] = 4
    """Tries of one request to an API, with growing pauses between them."""

    @classmethod
    def load(cls, **flags: Any) -> "Settings":
        """Reads the environment and the settings files.

        Args:
            **flags: settings that take precedence over all sources; those that are None are left to the sources.

        Raises:
            InputError: a value does not fit its setting, there is no such setting, or a settings file cannot be read.
            UntrustedSettings: a file of the working folder sets what only a trusted file may set.
        """
        _refuse_unknown(flags)
        try:
            loaded = _Sourced(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            raise _misfit(error) from error
        return cls(**dict(loaded))

    def changed(self, **updates: Any) -> "Settings":
        """These settings with other values for some; nothing else is read.

        Args:
            **updates: new values, None included.

        Raises:
            InputError: a value does not fit its setting, or there is no such setting.
        """
        _refuse_unknown(updates)
        try:
            return Settings(**dict(self) | updates)
        except ValidationError as error:
            raise _misfit(error) from error


class _Sourced(Settings, BaseSettings):
    """Settings as the environment and the settings files give them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        of_user = settings_files.read(user_config_path(APP) / "config.toml", cls.model_fields)
        return (
            init_settings,
            env_settings,
            *(_Guarded(settings_cls, file) for file in project_files()),
            InitSettingsSource(settings_cls, of_user.values if of_user else {}),
        )


def _refuse_unknown(names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(Settings.model_fields))
    if unknown:
        raise InputError(f"there is no setting {unknown[0]!r}; .env.example lists them all")


def _misfit(error: ValidationError) -> InputError:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    return InputError(f"setting {name!r} cannot be {first.get('input')!r}: {first['msg']}")


def project_files(folder: Path = Path()) -> list[SettingsFile]:
    """The settings files in a folder, by precedence. Raises `InputError` if one cannot be read."""
    found = (settings_files.read(folder / name, Settings.model_fields) for name in PROJECT_FILES)
    return [file for file in found if file]


class _Guarded(InitSettingsSource):
    """A settings file of the working folder."""

    def __init__(self, settings_cls: type[BaseSettings], file: SettingsFile) -> None:
        trusted_as = trust.entries().get(str(file.path)) if file.guarded else None
        self._file = file
        self._changed = trusted_as is not None
        self._withheld = file.guarded if trusted_as != file.sha256 else ()
        super().__init__(settings_cls, file.harmless if self._withheld else file.values)

    def __call__(self) -> dict[str, Any]:
        # What a flag, the environment or another file has set already would not be taken from here anyway.
        missing = [name for name in self._withheld if name not in self.current_state]
        if missing:
            why = "has changed since you trusted it" if self._changed else "is not trusted"
            raise UntrustedSettings(
                f"{self._file.path.name!r} in this folder sets {', '.join(missing)} and {why}; "
                f"check it, then run: churn-agent trust {shlex.quote(str(self._file.path))}"
            )
        return super().__call__()
