"""Finished runs of evals for MLflow and Weights & Biases, both optional: the only module that knows either."""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

from churn_agent.errors import InputError, Unavailable
from churn_agent.evals.runs.shipping import Parameters, Prompt, Run, Shipment, gather

PROJECT = "churn-agent"
Tracker = Literal["mlflow", "wandb"]
_HASH, _PARENT, _NOTE = "churn_agent.run_hash", "mlflow.parentRunId", "mlflow.note.content"
_PROMPTS = "mlflow.linkedPrompts"
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:|databricks$")
"""What is no folder; one letter and a colon is a drive."""
_SILENCED = ("silent", "disable_git", "disable_code", "disable_job_creation", "x_disable_meta", "x_disable_stats",
             "x_disable_machine_info")  # fmt: skip


@dataclass(frozen=True)
class Tracked:
    """Where a run went."""

    where: str
    project: str
    run: str
    """Id of the parent run."""
    ways: int
    """Child runs: methods on sets."""
    files: tuple[str, ...]


def track(
    folder: Path,
    to: Tracker,
    *,
    uri: str | None = None,
    project: str = PROJECT,
    prompts_dir: Path | None = None,
    with_texts: bool = False,
    notify: Callable[[str], None] = lambda what: None,
) -> Tracked:
    """Sends a finished run: a parent, a child for each method on each set, and the prompts as versions.

    Args:
        folder: of the run.
        to: the tracker.
        uri: a server or a database; or a folder, for a database of MLflow with artefacts beside it, or for files that
            `wandb sync` sends later. If not given, the place that the tracker itself is set up for.
        project: of W&B; of MLflow the experiment.
        prompts_dir: folder of the user's prompts, as `Settings.prompts_dir`.
        with_texts: also send words of customers, as `shipping.gather` packs them.
        notify: called with a few words about progress.

    Raises:
        InputError: the folder holds no run, or the run is there already.
        Unavailable: the extra is not installed, or the tracker cannot be used.
    """
    run = Run.read(folder)
    store = _Mlflow(uri, project) if to == "mlflow" else _Wandb(uri, project)
    store.refuse_again(run.hash)
    notify("measuring")
    shipment = gather(run, prompts_dir, with_texts, notify)
    notify(f"sending {', '.join(shipment.files)}")
    run_id = store.send(shipment)
    return Tracked(store.where, project, run_id, len(shipment.methods), tuple(shipment.files))


def log_model(estimator: Any, *, name: str, uri: str | None = None, project: str = PROJECT) -> str:
    """Logs a fitted estimator of scikit-learn's kind as a model of MLflow, in a separate run.

    MLflow keeps it pickled. What it learned goes along, such as words that customers used. The tracking URI of the
    process is set, so that `mlflow.sklearn.load_model` takes the address that is returned.

    Raises:
        Unavailable: the extra is not installed, or MLflow cannot be used.
    """
    store = _Mlflow(uri, project)
    import mlflow
    from mlflow import sklearn as flavour

    with store.plainly():
        mlflow.set_tracking_uri(store.uri)
        with mlflow.start_run(experiment_id=store.experiment_id, run_name=name):
            model = cast("Any", flavour).log_model(
                estimator,
                name=name,
                serialization_format="cloudpickle",
                pip_requirements=[f"{package}=={version(package)}" for package in ("scikit-learn", "churn-agent")],
            )
            return model.model_uri


class _Mlflow:
    """A tracking server or a database of MLflow."""

    def __init__(self, uri: str | None, project: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # by default it tries for minutes
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        try:
            import mlflow
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise _missing("mlflow") from error
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        artefacts = None
        if uri and not _ADDRESS.match(uri):
            folder = Path(uri).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            uri, artefacts = f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()
        self.uri = uri or mlflow.get_tracking_uri()
        self.where = _without_password(self.uri)
        kinds = (MlflowException, SQLAlchemyError, OSError, ImportError)  # a driver of a database may be missing
        self.plainly = partial(_plainly, f"MLflow at {self.where}", kinds)
        with self.plainly():
            self._client = mlflow.MlflowClient(self.uri)
            experiment = self._client.get_experiment_by_name(project)
            self.experiment_id = (
                experiment.experiment_id if experiment else self._client.create_experiment(project, artefacts)
            )

    def refuse_again(self, run_hash: str) -> None:
        """Raises `InputError` if the run is there already, whole."""
        with self.plainly():
            for run in self._client.search_runs([self.experiment_id], f"tags.`{_HASH}` = '{run_hash}'"):
                if _PARENT not in run.data.tags and run.info.status == "FINISHED":
                    raise _there_already(run.info.run_id, self.where, "delete it there")

    def send(self, shipment: Shipment) -> str:
        """The id of the parent run. What an interrupted call left of the same run is replaced."""
        client = self._client
        with self.plainly():
            for run in client.search_runs([self.experiment_id], f"tags.`{_HASH}` = '{shipment.run_hash}'"):
                client.delete_run(run.info.run_id)
            versions = {prompt.name: self._register(prompt) for prompt in shipment.prompts}
            parent = self._begin(shipment.name, shipment, {_NOTE: shipment.conclusion}, shipment.parameters)
            for method in shipment.methods:
                tags = {_PARENT: parent}
                if method.prompt:  # as `link_prompt_version_to_run` does, which looks for runs at the default address
                    used = versions[method.prompt.name]
                    tags[_PROMPTS] = json.dumps([{"name": used.name, "version": str(used.version)}])
                client.set_terminated(self._begin(method.name, shipment, tags, method.parameters, method.metrics))
            for name, text in shipment.files.items():
                client.log_text(parent, text, name)
            client.set_terminated(parent)
        return parent

    def _begin(
        self,
        name: str,
        shipment: Shipment,
        tags: Mapping[str, str],
        parameters: Parameters,
        metrics: Mapping[str, float] | None = None,
    ) -> str:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        tags = {_HASH: shipment.run_hash, **tags}
        run = self._client.create_run(self.experiment_id, tags=tags, run_name=name).info.run_id
        self._client.log_batch(
            run,
            metrics=[Metric(key, value, now, 0) for key, value in (metrics or {}).items()],
            params=[Param(key, str(value)) for key, value in parameters.items()],
        )
        return run

    def _register(self, prompt: Prompt) -> Any:
        """The version of a prompt, found by its hash, which is its alias."""
        name, content_hash = f"{PROJECT}.{prompt.name}", prompt.template.content_hash
        known = self._client.load_prompt(f"prompts:/{name}@{content_hash}", allow_missing=True)
        if known:
            return known
        tags = {"content_hash": content_hash, "label": prompt.template.label}
        registered = self._client.register_prompt(name, prompt.text, commit_message=prompt.template.tries, tags=tags)
        self._client.set_prompt_alias(name, content_hash, registered.version)
        return registered


class _Wandb:
    """A server of Weights & Biases, or a folder for one. It is not told of this machine, its code, its console."""

    def __init__(self, uri: str | None, project: str) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import wandb
            from wandb.apis.public.runs import RunNotFoundError  # a folder `wandb` can be imported too, but not this
        except ImportError as error:
            raise _missing("wandb") from error
        place: dict[str, Any] = {}
        if uri and _ADDRESS.match(uri):
            place = {"base_url": uri}
        elif uri:
            folder = Path(uri).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            place = {"mode": "offline", "root_dir": str(folder)}
            os.environ["WANDB_DATA_DIR"] = str(folder)  # files wait there to be sent, not in the home folder
        quiet: dict[str, Any] = dict.fromkeys(_SILENCED, True) | {"console": "off", "host": ""}
        quiet |= {"save_code": False, "x_save_requirements": False}
        self._project, self._not_found = project, RunNotFoundError
        with _plainly(f"W&B at {_without_password(uri or 'its own address')}", (wandb.Error, ValueError)):
            self._settings = wandb.Settings(**quiet, **place)
            own = self._settings if "mode" in place else wandb.setup().settings
        self._offline = Path(own.wandb_dir) if own.mode in ("offline", "dryrun") else None
        self._server = uri or own.base_url
        self.where = str(self._offline or _without_password(self._server))
        self._plainly = partial(_plainly, f"W&B at {self.where}", (wandb.Error, OSError))

    def refuse_again(self, run_hash: str) -> None:
        """Raises `InputError` if the run is there already: its hash is the id of the parent, which is written last."""
        import wandb

        if self._offline:
            there = any(self._offline.glob(f"offline-run-*-{run_hash}"))
        else:
            with self._plainly():
                try:
                    run = wandb.Api(overrides={"base_url": self._server}).run(f"{self._project}/{run_hash}")
                    there = run.state == "finished"
                except self._not_found:
                    there = False
        if there:
            remedy = "remove its folder" if self._offline else "give another --project"
            raise _there_already(run_hash, self.where, remedy)

    def send(self, shipment: Shipment) -> str:
        import wandb

        with self._plainly():
            for method in shipment.methods:
                own = hashlib.sha256(method.name.encode()).hexdigest()[:8]
                with self._begin(f"{shipment.run_hash}-{own}", method.name, "way", shipment, method.parameters) as run:
                    run.summary.update(dict(method.metrics))
            with self._begin(shipment.run_hash, shipment.name, "run", shipment, shipment.parameters) as run:
                for prompt in shipment.prompts:
                    template = prompt.template
                    about = {"content_hash": template.content_hash, "label": template.label}
                    artefact = wandb.Artifact(f"prompt.{prompt.name}", "prompt", template.tries, about)
                    _add(artefact, f"{template.name}.yaml", prompt.text)
                    run.log_artifact(artefact, aliases=["latest", template.content_hash])
                files = wandb.Artifact(f"eval-run.{shipment.run_hash}", "eval-run")
                for name, text in shipment.files.items():
                    _add(files, name, text)
                run.log_artifact(files)
        return shipment.run_hash

    def _begin(self, run_id: str, name: str, kind: str, shipment: Shipment, parameters: Parameters) -> Any:
        import wandb

        return wandb.init(
            project=self._project,
            id=run_id,
            name=name,
            group=f"{shipment.name} {shipment.run_hash}",
            job_type=kind,
            notes=shipment.conclusion if kind == "run" else None,
            config=dict(parameters),
            resume="allow",  # an interrupted call is resumed
            settings=self._settings,
        )


def _add(artefact: Any, name: str, text: str) -> None:
    with artefact.new_file(name, encoding="utf-8") as file:
        file.write(text)


@contextmanager
def _plainly(tracker: str, kinds: tuple[type[Exception], ...]) -> Generator[None]:
    """Errors of a tracker in one line."""
    try:
        yield
    except kinds as error:
        raise Unavailable(f"{tracker} cannot be used: {_first_line(error)}") from error


def _missing(extra: Tracker) -> Unavailable:
    return Unavailable(f"{extra} is not installed; run: pip install 'churn-agent[{extra}]'")


def _there_already(run: str, where: str, remedy: str) -> InputError:
    return InputError(f"this run was already sent to {where}, as {run}; nothing was sent. To send it again, {remedy}")


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


def _first_line(error: BaseException) -> str:
    return _without_password((str(error).strip().splitlines() or [type(error).__name__])[0])[:200]
