"""`models list | pull | verify`."""

from typing import TYPE_CHECKING, Any

import click

from churn_agent.cli import common

if TYPE_CHECKING:
    from churn_agent.models.gguf.tuning import Tuning


@click.group()
def models() -> None:
    """The catalogue of models: what there is, what is here, fetching and checking."""


@models.command("list")
@common.as_json
@click.pass_context
def list_(context: click.Context, json_: bool) -> None:
    """List the catalogue and what of it is in the model folder."""
    from churn_agent.errors import WeightsMissing
    from churn_agent.models import weights
    from churn_agent.models.catalogue import catalogue
    from churn_agent.settings import Settings

    settings = Settings.load(store=context.obj["store"])
    rows: list[dict[str, Any]] = []
    for entry in catalogue().values():
        try:
            path: str | None = str(weights.find(entry.name, settings.models_dir))
        except WeightsMissing:
            path = None
        used = entry.name in (settings.model, settings.embedder)
        rows.append(
            {
                **entry.model_dump(include={"name", "kind", "purpose", "licence"}),
                "bytes": entry.bytes,
                "default": used,
                "path": path,
            }
        )
    if json_:
        common.print_json(rows)
        return
    for row in rows:
        here = "here" if row["path"] else "not here"
        mark = "*" if row["default"] else " "
        click.echo(
            f"{mark} {row['name']:<30} {row['bytes'] / 1e6:>6.0f} MB  {here:<8}  {row['licence']}  {row['purpose']}"
        )  # type: ignore[operator]
    common.note(f"* used by default; model folder: {settings.models_dir}")


@models.command()
@click.argument("name", required=False)
@click.pass_context
def pull(context: click.Context, name: str | None) -> None:
    """Fetch the weights of a model (without NAME: of the default language model and embedder)."""
    _each(context, name, verify=False)


@models.command()
@click.argument("name", required=False)
@click.pass_context
def verify(context: click.Context, name: str | None) -> None:
    """Hash the weights again and compare them with the catalogue."""
    _each(context, name, verify=True)


def _each(context: click.Context, name: str | None, *, verify: bool) -> None:
    from churn_agent.models import weights
    from churn_agent.models.catalogue import catalogue
    from churn_agent.settings import Settings

    settings = Settings.load(store=context.obj["store"])
    defaults = [each for each in (settings.embedder, settings.model) if each in catalogue()]
    for each in [name] if name else defaults:
        with common.downloading() as bar:
            task = bar.add_task(each, total=weights.entry_of(each).bytes)

            def progress(what: str, done: int, total: int, task=task, bar=bar) -> None:  # type: ignore[no-untyped-def]
                bar.update(task, description=what, completed=done, total=total)

            if verify:
                weights.verify(each, settings.models_dir, progress)
            else:
                weights.pull(each, settings.models_dir, progress)
        click.echo(f"{each}: {'as the catalogue says' if verify else weights.find(each, settings.models_dir)}")


@models.command()
@click.argument("name", required=False, metavar="[NAME|FILE.gguf]")
@common.as_json
@click.pass_context
def tune(context: click.Context, name: str | None, json_: bool) -> None:
    """Measure how the local model runs best on this machine, and keep the choice (takes one to two minutes)."""
    from churn_agent.models import opening
    from churn_agent.models.gguf import measuring
    from churn_agent.models.gguf.tuning import store_tuning
    from churn_agent.settings import Settings

    settings = Settings.load(store=context.obj["store"], model=name)
    path, _, sha256 = opening.find_gguf(settings)
    rows: list[dict[str, object]] = []

    def seen(measured: measuring.Measurement) -> None:
        how = measured.tuning
        rate = round(measured.tokens_a_second, 1)
        rows.append({"what": measured.what, "tokens_a_second": rate, **how.model_dump()})
        prompts = f"micro-batch {how.micro_batch}, {_attention(how)}"
        size = prompts if measured.what == "prefill" else f"{how.parallel} answers at once"
        common.note(f"{measured.what}: {rate:6.1f} tokens/s with {how.threads} threads, {size}")

    best = measuring.tune(path, gpu_layers=settings.gpu_layers, seen=seen)
    kept = store_tuning(sha256, best)
    if json_:
        common.print_json({"chosen": best.model_dump(), "measured": rows, "kept_in": str(kept)})
    else:
        click.echo(
            f"{best.threads} threads, micro-batch {best.micro_batch}, {_attention(best)}, "
            f"{best.parallel} answers at once; kept in {kept}"
        )


def _attention(tuning: "Tuning") -> str:
    flash = "flash attention" if tuning.flash_attention else "plain attention"
    return f"{flash}, keys and values {tuning.kv_type}"
