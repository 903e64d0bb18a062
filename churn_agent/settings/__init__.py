"""Settings, and `Settings.load`, the only reader of the environment.

`Settings(...)` reads nothing: other settings have their defaults. `Settings.load` uses, by precedence: keyword
arguments (command-line flags), the environment (`CHURN_AGENT_*`), `.env` and `churn-agent.toml` in the working folder,
`config.toml` in the user's configuration folder, defaults. The two files in the working folder may set harmless
settings; the others need the user's trust (`churn-agent trust`).
"""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from churn_agent.errors import InputError, UntrustedSettings
from churn_agent.settings import files as settings_files
from churn_agent.settings import trust_record
from churn_agent.settings.files import HARMLESS, NEEDS_TRUST, PREFIX, SettingsFile
from churn_agent.settings.trust_record import APP

PROJECT_FILES = (".env", "churn-agent.toml")
"""Settings files of the working folder, by precedence."""

_MISSPELT = 0.75
"""Least likeness of the name of a variable in the environment to that of a setting, so that it counts as misspelt."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """All settings. `.env.example` explains each field.

    The constructor reads neither the environment nor any file; `Settings.load` does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: Annotated[Path, NEEDS_TRUST] = Field(default_factory=lambda: user_data_path(APP) / "store")
    """Folder of the database and the index."""
    models_dir: Annotated[Path, NEEDS_TRUST] = Field(default_factory=lambda: user_cache_path(APP) / "models")
    """Folder of model weights."""
    prompts_dir: Annotated[Path | None, NEEDS_TRUST] = None
    """Folder of your own prompt files, added to the shipped ones."""

    sets_dir: Annotated[Path | None, NEEDS_TRUST] = None
    """Folder of labelled sets, one folder each, for suites of evals."""

    model: Annotated[str, NEEDS_TRUST] = "qwen2.5-coder-1.5b-instruct"
    """A name in the catalogue, a path to a .gguf file, `openai:NAME`, or `scripted[:FILE]`."""
    embedder: Annotated[str, NEEDS_TRUST] = "multilingual-e5-small-q4"
    """A name in the catalogue, or a folder with a sentence-transformers model."""
    mode: Annotated[Literal["ask", "read", "explain"], HARMLESS] = "read"
    """How the model is used."""
    prompt: Annotated[str | None, HARMLESS] = None
    """Name of a prompt variant of the mode; the mode's default if not set."""
    method: Annotated[str | None, HARMLESS] = None
    """A method trained on labels (`churn-agent train`) for the number, or `none`. If not set: the calibrated method, if
    there is one, else the mode."""
    band_medium_from: Annotated[Share | None, HARMLESS] = None
    """Lowest calibrated probability of medium risk; the base rate if not set."""
    band_high_from: Annotated[Share | None, HARMLESS] = None
    """Lowest calibrated probability of high risk; three times the odds of the base rate if not set."""
    band_margin: Annotated[float, Field(ge=0, le=2), HARMLESS] = 0.5
    """Log-odds beyond a boundary that are needed to leave the band of the customer's previous assessment."""
    least_days_known: Annotated[int, Field(ge=0), HARMLESS] = 7
    """Customers without messages get no number if their history is shorter than this many days. Justified by
    `churn-agent eval abstention`."""

    evidence_tokens: Annotated[int, Field(ge=50), HARMLESS] = 1000
    """Most tokens of evidence in a prompt."""
    evidence_limit: Annotated[int, Field(ge=1, le=200), HARMLESS] = 12
    """Most interactions shown to a model."""
    evidence_order: Annotated[Literal["oldest_first", "newest_first", "shuffled"], HARMLESS] = "oldest_first"
    """Order of evidence in a prompt that contains all of it."""
    context_tokens: Annotated[int, Field(ge=512), HARMLESS] = 4096
    threads: Annotated[int, Field(ge=0), HARMLESS] = 0
    """Threads of the local model; 0 for the result of `models tune`, else the physical cores."""
    gpu_layers: Annotated[int, HARMLESS] = 0
    """Layers of the local model on a GPU; -1 for all; needs a llama-cpp-python built for it."""
    prefix_cache_mb: Annotated[int, Field(ge=0), HARMLESS] = 1024
    """Most megabytes of evaluated prompt prefixes cached in the model folder between runs; 0 for none."""
    seed: Annotated[int, HARMLESS] = 0

    staff_names: Annotated[bool, NEEDS_TRUST] = False
    """Whether logs of risk items and briefs name your staff, and figures may be shown for each account manager."""

    answers_limit: Annotated[int, Field(ge=0), NEEDS_TRUST] = 1_000_000
    """Most answers of models cached in the store; the oldest are deleted first."""

    base_url: Annotated[str | None, NEEDS_TRUST] = None
    """URL of an OpenAI-compatible API, such as http://127.0.0.1:8080/v1."""
    api_key: Annotated[SecretStr | None, NEEDS_TRUST] = None
    prompt_price: Annotated[float, Field(ge=0), NEEDS_TRUST] = 0.0
    """Price of a million prompt tokens, in any currency."""
    output_price: Annotated[float, Field(ge=0), NEEDS_TRUST] = 0.0
    """Price of a million output tokens."""
    request_timeout_s: Annotated[float, Field(gt=0), HARMLESS] = 60.0
    request_attempts: Annotated[int, Field(ge=1, le=10), HARMLESS] = 4
    """Most attempts of one request to an API, with growing pauses between them."""

    @classmethod
    def load(cls, **flags: Any) -> "Settings":
        """Reads the environment and the settings files.

        Args:
            **flags: settings that take precedence over all sources; None leaves a setting to the sources.

        Raises:
            InputError: a value does not fit its setting, there is no such setting, or a settings file cannot be read.
            UntrustedSettings: an untrusted file in the working folder sets something that needs trust.
        """
        _refuse_unknown(flags)
        _refuse_misspelt(os.environ)
        try:
            loaded = _Sourced(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            raise _misfit(error) from error
        return cls(**dict(loaded))

    def changed(self, **updates: Any) -> "Settings":
        """Returns these settings with some values changed; nothing else is read.

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
    """Settings from the environment and the settings files."""

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
        near = settings_files.suggestion(unknown[0], Settings.model_fields) or "; .env.example lists all settings"
        raise InputError(f"unknown setting {unknown[0]!r}{near}")


def _refuse_misspelt(environment: Iterable[str]) -> None:
    """Raises `InputError` for variables named almost like a setting.

    Others with our prefix may belong to other programs: Kubernetes sets `CHURN_AGENT_PORT` for a service of that name.
    """
    for variable in environment:
        name = variable.lower().removeprefix(PREFIX.lower())
        if not variable.upper().startswith(PREFIX) or name in Settings.model_fields:
            continue
        near = settings_files.suggestion(name, Settings.model_fields, prefix=PREFIX, likeness=_MISSPELT)
        if near:
            raise InputError(f"the environment sets {variable!r}, which is not a setting{near}")


def _misfit(error: ValidationError) -> InputError:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    return InputError(f"setting {name!r} cannot be {first.get('input')!r}: {first['msg']}")


def project_files(folder: Path = Path()) -> list[SettingsFile]:
    """Returns the settings files in a folder, by precedence. Raises `InputError` if one cannot be read."""
    settings = (settings_files.read(folder / name, Settings.model_fields) for name in PROJECT_FILES)
    return [file for file in settings if file]


class _Guarded(InitSettingsSource):
    """A settings file in the working folder."""

    def __init__(self, settings_cls: type[BaseSettings], file: SettingsFile) -> None:
        trusted_as = trust_record.entries().get(str(file.path)) if file.guarded else None
        self._file = file
        self._changed = trusted_as is not None
        self._withheld = file.guarded if trusted_as != file.sha256 else ()
        super().__init__(settings_cls, file.harmless if self._withheld else file.values)

    def __call__(self) -> dict[str, Any]:
        # Settings already set by a flag, the environment or another file are not used from here anyway.
        missing = [name for name in self._withheld if name not in self.current_state]
        if missing:
            why = "has changed since you trusted it" if self._changed else "is not trusted"
            raise UntrustedSettings(
                f"{self._file.path.name!r} in this folder sets {', '.join(missing)} and {why}; "
                f"check it, then run: churn-agent trust {shlex.quote(str(self._file.path))}"
            )
        return super().__call__()
