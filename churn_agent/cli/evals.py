"""The commands `eval ...`: labelled sets, runs of suites, comparisons, and checks of one property each."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Column, Table

from churn_agent.cli import common
from churn_agent.cli.eval_set import set_group
from churn_agent.cli.outputs import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from churn_agent.evals.runs.planning import Planned
    from churn_agent.evals.runs.predictions import Prediction
    from churn_agent.evals.runs.progress import Estimate
    from churn_agent.evals.runs.scoreboard import Figure
    from churn_agent.evals.runs.tracking import Tracker
    from churn_agent.settings import Settings

_RUNS = Path("eval-runs")
_STORES = _RUNS / "stores"
_SHOWN = ("auroc", "brier", "f1", "answered", "seconds_each")
_FIGURE_WIDTH = 5
_REGRESSION, _UNFIT = 1, 3  # exit codes
_SETS = click.argument("names", metavar="SETS...", nargs=-1, required=True)
_SOME = click.option(
    "--limit", type=click.IntRange(min=4), metavar="N", help="At most N samples, stratified, with a fixed seed."
)


def _of_a_suite(command: common.F) -> common.F:
    """The arguments and options of commands that run a suite."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    folder = Output(folder=True)
    sample = click.IntRange(min=4)
    for option in (
        click.option("-o", "--out", type=folder, help="Folder of the run (default: eval-runs/SUITE)."),
        click.option("--resume", is_flag=True, help="Keep the predictions of an earlier, interrupted call."),
        click.option(
            "--limit", type=sample, metavar="N", help="At most N samples per set, stratified, with a fixed seed."
        ),
        click.argument("suite_file", metavar="SUITE.yaml", type=file),
    ):
        command = option(command)
    return command


@click.group("eval")
def evals() -> None:
    """Compare prompts, models and classic methods on labelled sets.

    Each set is imported into a separate store: in the folder DIR of `churn-agent --store DIR eval`, else in `stores`
    beside the folder of the run.
    """


evals.add_command(set_group)


@evals.command("sets")
@common.as_json
def list_sets(json_: bool) -> None:
    """List the known sets: definition of churn, folder, origin, licence, known leaks."""
    from churn_agent.evals.sets.labelled import list_sets
    from churn_agent.settings import Settings

    known = list_sets(Settings.load().sets_dir)
    if json_:
        common.print_json(
            [
                {"name": name, "here": here, **description.model_dump(mode="json")}
                for name, (description, here) in known.items()
            ]
        )
        return
    for name, (description, here) in known.items():
        book = description.book
        click.echo(f"{name:26} {book.domain:20} {book.churn_means}; {book.horizon_days} days")
        click.echo(f"{'':26} {here or f'not fetched; run: churn-agent eval fetch {name}'}")
        click.echo(f"{'':26} {description.origin}; licence: {description.licence}")
        for leak in description.leaks:
            click.echo(f"{'':26} known leak: {leak}")


@evals.command("fetch")
@click.argument("name", metavar="NAME")
@click.option("--from", "source", metavar="PATH|URL", help="A copy of the original files: one file, or their folder.")
@click.option("-o", "--out", type=Output(folder=True), help="Folder of the set (default: NAME in the folder of sets).")
@common.as_json
def fetch(name: str, source: str | None, out: Path | None, json_: bool) -> None:
    """Download a public set from its publisher and convert it. `eval sets` lists the sets with their licences."""
    common.note("starting")
    from churn_agent.evals.sets.fetching import fetch as fetch_set
    from churn_agent.settings import Settings

    fetched = fetch_set(name, source=source, to=out, sets_dir=Settings.load().sets_dir, notify=common.note)
    if json_:
        common.print_json(fetched)
        return
    for where, sha256 in fetched.sha256.items():
        click.echo(f"{sha256}  {where}")
    for line in (*fetched.trust, f"licence: {fetched.licence}"):
        click.echo(line)
    click.echo(f"written: {fetched.folder}: {fetched.customers:,} customers, {fetched.churned:,} churned")
    click.echo(f"check it: churn-agent eval doctor {fetched.folder}")


@evals.command("run")
@_of_a_suite
@common.as_json
@click.pass_context
def run(
    context: click.Context, suite_file: Path, limit: int | None, resume: bool, out: Path | None, json_: bool
) -> None:
    """Run the prompts, models and classic methods of a suite on its sets, or check the cards of its test books.

    Model answers are cached: a second call requests only the missing ones.
    """
    common.note("starting")
    from churn_agent.evals import run_suite
    from churn_agent.evals.checks.books import is_book_suite
    from churn_agent.settings import Settings

    if is_book_suite(suite_file):
        if limit or resume:
            raise click.UsageError("--limit and --resume are for suites of sets; answers about books are kept anyway")
        _check_books(suite_file, out or _RUNS / suite_file.stem, context.obj["store"], json_=json_)
        return
    with _Bars() as bars:
        result = run_suite(
            suite_file,
            settings=Settings.load(),
            out=out or _RUNS / suite_file.stem,
            stores=context.obj["store"],
            limit=limit,
            resume=resume,
            progress=bars,
        )
    if json_:
        common.print_json(result)
        return
    _print_figures(result.figures)
    _print_trials(result.log.trials)
    click.echo(f"\n{len(result.predictions)} predictions in {result.folder}")
    click.echo(f"compare: churn-agent eval compare {result.folder}")


def _check_books(suite_file: Path, out: Path, stores: Path | None, *, json_: bool) -> None:
    from churn_agent.evals.checks import books
    from churn_agent.settings import Settings

    settings = Settings.load()
    _name_addresses(settings, settings.model)
    with _Bars() as bars:
        results = books.check_books(
            suite_file, settings=settings, out=out, stores=stores or out.parent / _STORES.name, progress=bars
        )
    if json_:
        common.print_json(books.as_dicts(results))
        return
    rows = books.table(results)
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(row.get(name, "") for name in rows[0]))
    common.out.print(table)
    click.echo(f"the cards that are wrong, one file for each book: {out}")


@evals.command("compare")
@click.argument("names", metavar="RUN...|PROMPT_A PROMPT_B", nargs=-1, required=True)
@click.option("--metric", default="auroc", show_default=True, help="auroc, brier, log_loss, accuracy or profit.")
@click.option(
    "--against",
    metavar="METHOD",
    help="Compare all other methods with this one; yardstick: the best classic method of each set.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="SET",
    help="Compare on this set; repeatable (default: all). With prompts: the set that both are run on.",
)
@_SOME
@click.option("--markdown", type=Output(), metavar="FILE", help="Also write the verdicts as a comment in Markdown.")
@click.option("--pooled", is_flag=True, help="Average the differences over all sets.")
@click.option(
    "--delta", type=click.FloatRange(0, 1), default=0.02, show_default=True, help="Smallest difference that matters."
)
@click.option(
    "--disagreements", type=click.IntRange(1), metavar="N", help="Also show the N samples ranked most differently."
)
@common.as_json
@click.pass_context
def compare(
    context: click.Context,
    names: tuple[str, ...],
    metric: str,
    against: str | None,
    sets: tuple[str, ...],
    limit: int | None,
    markdown: Path | None,
    pooled: bool,
    delta: float,
    disagreements: int | None,
    json_: bool,
) -> int:
    """Compare methods by paired tests on the same samples.

    With several runs, each method of the first is compared with the same method of the others. With two prompts and
    --set, both are run on the set first, with the model of the settings. Exits with 1 if a method of the first run, or
    the first prompt, is worse by more than DELTA.
    """
    from churn_agent.evals import compare as compare_runs
    from churn_agent.evals import most_disagreed
    from churn_agent.evals.runs.comment import beyond as worse_beyond
    from churn_agent.evals.runs.comment import to_markdown
    from churn_agent.evals.runs.log import find_logs
    from churn_agent.files import atomic

    runs = tuple(map(Path, names))
    of_prompts = not all(run.exists() for run in runs)
    if of_prompts:
        runs = (_run_prompts(names, sets, limit, context.obj["store"]),)
        sets = ()
    elif limit:
        raise click.UsageError("--limit is for prompts; the samples of a run are those that it was made with")
    first, *others = runs
    if disagreements and (others or pooled or against == "yardstick"):
        raise click.UsageError("--disagreements needs one run, without --pooled and --against yardstick")
    comparisons = compare_runs(*runs, metric=metric, against=against, delta=delta, pooled=pooled, on=sets)
    none: list[tuple[Prediction, Prediction]] = []
    apart = most_disagreed(first, comparisons, disagreements) if disagreements else [none for _ in comparisons]
    both = list(zip(comparisons, apart, strict=True))
    if json_:
        common.print_json(
            [c.as_dict() | {"disagreements": [_side_by_side(*pair) for pair in pairs]} for c, pairs in both]
        )
    else:
        for comparison, pairs in both:
            compared = f"{comparison.first} compared with {comparison.second}"
            click.echo(f"{comparison.set}: {compared}: {comparison.conclusion.text}")
            for one, other in pairs:
                _print_side_by_side(one, other)
    compared_on = {comparison.set for comparison in comparisons}
    trials: dict[str, int] = {}
    for log in find_logs(runs):
        for name, n in log.trials.items():
            if name in compared_on:
                trials[name] = max(n, trials.get(name, 0))
    if not json_:
        _print_trials(trials)
    if markdown:
        atomic.save(markdown, to_markdown(comparisons, delta=delta, trials=trials))
        common.note(f"written: {markdown}")
    return _REGRESSION if (others or of_prompts) and worse_beyond(comparisons, delta) else 0


def _run_prompts(names: tuple[str, ...], sets: tuple[str, ...], limit: int | None, stores: Path | None) -> Path:
    """Runs two prompts on a set and returns the folder of the run."""
    from churn_agent.content.prompts import find_prompt
    from churn_agent.evals import run_prompts
    from churn_agent.settings import Settings

    if len(names) != 2 or len(sets) != 1:
        missing = next((name for name in names if not Path(name).exists()), names[0])
        raise click.UsageError(f"{missing!r} is not a folder of a run; to compare two prompts, name both and one --set")
    common.note("starting")
    settings = Settings.load()
    prompts = [find_prompt(name, settings.prompts_dir) for name in names]
    if prompts[0] == prompts[1]:
        raise click.UsageError("both prompts are the same")
    out = _RUNS / "-".join(["compare", *(name for _, name in prompts), Path(sets[0]).name])
    with _Bars() as bars:
        run_prompts(prompts, sets[0], settings=settings, out=out, stores=stores or _STORES, limit=limit, progress=bars)
    return out


def _print_trials(trials: "Mapping[str, int]") -> None:
    from churn_agent.evals.runs.comment import trial_lines

    for line in trial_lines(trials):
        common.note(line)


@evals.command("calibration")
@click.argument("run", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--method", "methods", multiple=True, default=["calibrated"], show_default=True, metavar="NAME", help="Repeatable."
)
@click.option(
    "--plot",
    type=Output(),
    metavar="FILE.svg",
    help="Plot predicted and observed churn.",
)
@common.as_json
def calibration(run: Path, methods: tuple[str, ...], plot: Path | None, json_: bool) -> None:
    """Measure how well the probabilities of a run are calibrated: on each set, and on all sets together."""
    from churn_agent.evals import measure_calibration
    from churn_agent.evals.checks import calibration

    calibrations = measure_calibration(run, methods)
    _draw(lambda axes: calibration.draw(axes, calibrations), plot)
    if json_:
        common.print_json(calibrations)
        return
    for method in dict.fromkeys(methods):
        columns = "set", "n", "log-loss", "skill against base rate", "brier", "slope", "intercept"
        table = Table(*columns, title=method, title_justify="left")
        for c in (c for c in calibrations if c.method == method):
            skill = f"{c.skill:.0%} [{c.skill_low:.0%}, {c.skill_high:.0%}]"
            slope = f"{c.slope:.2f} [{c.slope_low:.2f}, {c.slope_high:.2f}]"
            intercept = f"{c.intercept:+.2f} [{c.intercept_low:+.2f}, {c.intercept_high:+.2f}]"
            table.add_row(c.set, f"{c.n:,}", f"{c.log_loss:.3f}", skill, f"{c.brier:.3f}", slope, intercept)
        common.out.print(table)


@evals.command("report")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", type=Output(), default=Path("report.html"), show_default=True)
@click.option(
    "--delta", type=click.FloatRange(0, 1), default=0.02, show_default=True, help="Smallest difference that matters."
)
@click.option(
    "--into",
    type=Output(),
    help="Instead, write one line for each set between <!-- eval --> and <!-- /eval --> in this Markdown file.",
)
def report(runs: tuple[Path, ...], out: Path, delta: float, into: Path | None) -> None:
    """Write a page about runs: conclusion, leaderboard, comparisons, curves, segments, disagreements, provenance.

    If OUT ends in .md, write only the conclusions and leaderboards.
    """
    common.note("writing the report")
    from churn_agent.evals import write_report, write_summary

    if into:
        write_summary(*runs, into=into, delta=delta)
        click.echo(f"written: {into}")
        return
    command = f"churn-agent eval report {' '.join(map(str, runs))} -o {out}"
    write_report(*runs, to=out, delta=delta, command=command)
    click.echo(f"written: {out}")


@evals.command("track")
@click.argument("run", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", type=click.Choice(["mlflow", "wandb"]), required=True, help="The tracker.")
@click.option("--uri", metavar="URI", help="Server, database or folder (default: that of the tracker's configuration).")
@click.option(
    "--project",
    default="churn-agent",
    show_default=True,
    metavar="NAME",
    help="Project of W&B, or experiment of MLflow.",
)
@click.option("--with-texts", is_flag=True, help="Also send customers' texts: the samples and the full report.")
@common.as_json
def track(run: Path, to: "Tracker", uri: str | None, project: str, with_texts: bool, json_: bool) -> None:
    """Send a finished run to MLflow or Weights & Biases: parameters, metrics, prompts, predictions.

    Customer ids, outcomes and scores are sent. Customers' texts are sent only with --with-texts.
    """
    common.note("starting")
    from churn_agent.evals import track as send
    from churn_agent.settings import Settings

    prompts_dir = Settings.load().prompts_dir
    tracked = send(
        run, to, uri=uri, project=project, prompts_dir=prompts_dir, with_texts=with_texts, notify=common.note
    )
    if json_:
        common.print_json(tracked)
        return
    click.echo(f"{tracked.ways} methods on sets, with {', '.join(tracked.files)}: run {tracked.run} at {tracked.where}")
    if to == "wandb" and Path(tracked.where).is_dir():
        click.echo(f"upload it: wandb sync {tracked.where}/offline-run-*")


@evals.command("search")
@_of_a_suite
@common.as_json
@click.pass_context
def search(
    context: click.Context, suite_file: Path, limit: int | None, resume: bool, out: Path | None, json_: bool
) -> None:
    """Choose the best prompt and settings of a suite, and estimate how well the choice generalises (nested folds)."""
    common.note("starting")
    from churn_agent.evals import search as search_ways
    from churn_agent.settings import Settings

    with _Bars() as bars:
        choices = search_ways(
            suite_file,
            settings=Settings.load(),
            out=out or _RUNS / suite_file.stem,
            stores=context.obj["store"],
            limit=limit,
            resume=resume,
            progress=bars,
        )
    if json_:
        common.print_json(choices)
        return
    for choice in choices:
        folds = ", ".join(f"{name} in {n}" for name, n in choice.chosen.items())
        interval = f"{choice.auroc:.3f} [{choice.low:.3f}, {choice.high:.3f}]"
        click.echo(
            f"{choice.set}: {choice.method}; AUROC of this procedure {interval}, "
            f"n = {choice.n} (on the samples used for the choice: {choice.apparent:.3f}; chosen: {folds})"
        )


@evals.command("baselines")
@click.argument("name", metavar="SET")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="A classic method; repeatable (default: all).")
@_SOME
@common.as_json
@click.pass_context
def baselines(context: click.Context, name: str, methods: tuple[str, ...], limit: int | None, json_: bool) -> None:
    """Run only the classic methods on a set: the baselines for a language model."""
    common.note("starting")
    from churn_agent.evals import run_baselines
    from churn_agent.settings import Settings

    with _Bars() as bars:
        figures = run_baselines(
            name,
            settings=Settings.load(),
            out=_RUNS / f"baselines-{Path(name).name}",
            stores=context.obj["store"],
            methods=methods or None,
            limit=limit,
            progress=bars,
        )
    if json_:
        common.print_json(figures)
    else:
        _print_figures(figures)


@evals.command("doctor")
@click.argument("name", metavar="SET|SUITE.yaml")
@click.option(
    "--delta", type=click.FloatRange(0, 1, min_open=True), help="AUROC difference that the set must be able to detect."
)
@click.option("--with-model", is_flag=True, help="Also check whether the language model has memorised the texts.")
@common.as_json
@click.pass_context
def doctor(context: click.Context, name: str, delta: float | None, with_model: bool, json_: bool) -> int:
    """Check whether a set is fit for evaluation. Exits with 3 if it has a fault."""
    common.note("starting")
    from churn_agent.evals import examine_sets
    from churn_agent.settings import Settings

    settings = Settings.load()
    if with_model:
        _name_addresses(settings, settings.model)
    findings = examine_sets(
        name,
        settings=settings,
        stores=context.obj["store"] or _STORES,
        delta=delta,
        with_model=with_model,
        notify=common.note,
    )
    if json_:
        common.print_json(findings)
    for set_name, of_set in findings.items() if not json_ else ():
        for finding in of_set:
            click.echo(f"{set_name}: {finding.weight}: {finding.check}: {finding.says}")
        if not of_set:
            click.echo(f"{set_name}: no problems found")
    faults = any(finding.weight == "fault" for of_set in findings.values() for finding in of_set)
    return _UNFIT if faults else 0


@evals.command("transfer")
@_SETS
@click.option("--method", "methods", multiple=True, metavar="NAME", help="A classic method; repeatable.")
@click.option(
    "--calibration", is_flag=True, help="Instead: calibrate scores on all sets but one, and test on that one."
)
@_SOME
@common.as_json
@click.pass_context
def transfer(
    context: click.Context,
    names: tuple[str, ...],
    methods: tuple[str, ...],
    calibration: bool,
    limit: int | None,
    json_: bool,
) -> None:
    """Train classic methods on each set and test them on every set (AUROC; rows: training, columns: test)."""
    common.note("starting")
    from churn_agent.evals import transfer as transfer_between
    from churn_agent.evals import transfer_calibration
    from churn_agent.settings import Settings

    settings, stores = Settings.load(), context.obj["store"] or _STORES
    if calibration:
        if methods:
            raise click.UsageError("--calibration cannot be combined with --method")
        _name_addresses(settings, settings.model)
        with _Bars() as bars:
            carried = transfer_calibration(names, settings=settings, stores=stores, limit=limit, progress=bars)
        if json_:
            common.print_json(carried)
            return
        table = Table("tested on", "n", "log-loss", "uncalibrated log-loss", "verdict")
        for result in carried:
            losses = f"{result.log_loss:.3f}", f"{result.log_loss_uncalibrated:.3f}"
            table.add_row(result.set, str(result.n), *losses, result.conclusion.text)
        common.out.print(table)
        return
    with _Bars() as bars:
        transfers = transfer_between(
            names, settings=settings, stores=stores, methods=methods or None, limit=limit, progress=bars
        )
    if json_:
        common.print_json(transfers)
        return
    for method in dict.fromkeys(t.method for t in transfers):
        sets = list(dict.fromkeys(t.trained_on for t in transfers))
        table = Table("trained on", *sets, title=method, title_justify="left")
        for source in sets:
            row = [t for t in transfers if (t.method, t.trained_on) == (method, source)]
            table.add_row(source, *(f"{t.auroc:.2f} [{t.low:.2f}, {t.high:.2f}]" for t in row))
        common.out.print(table)


@evals.command("stability")
@_SETS
@_SOME
@common.as_json
@click.pass_context
def stability(context: click.Context, names: tuple[str, ...], limit: int | None, json_: bool) -> None:
    """Measure how much scores and bands change under irrelevant changes.

    These are a reworded prompt, half of the evidence, and one more irrelevant message.
    """
    common.note("starting")
    from churn_agent.evals import measure_stability
    from churn_agent.settings import Settings

    settings = Settings.load()
    _name_addresses(settings, settings.model)
    with _Bars() as bars:
        stores = context.obj["store"] or _STORES
        results = measure_stability(names, settings=settings, stores=stores, limit=limit, progress=bars)
    if json_:
        common.print_json(results)
        return
    table = Table("set", "perturbation", "n", "spread (log-odds)", "band changes", "band changes, with margin")
    for result in results:
        flips = f"{result.flips:.1%} [up to {result.flips_high:.1%}]"
        numbers = str(result.n), f"{result.spread:.2f}", flips, f"{result.flips_held:.1%}"
        table.add_row(result.set, result.perturbation, *numbers)
    common.out.print(table)


@evals.command("faithfulness")
@_SETS
@_SOME
@click.option("--judge", metavar="PROMPT", help="Prompt of mode ask that gives these scores.  [default: negated]")
@common.as_json
@click.pass_context
def faithfulness(
    context: click.Context, names: tuple[str, ...], limit: int | None, judge: str | None, json_: bool
) -> None:
    """Measure whether the cited evidence supports the score.

    Mode ask scores each customer without the cited evidence, and with it alone. Both are compared with random evidence.
    """
    common.note("starting")
    from churn_agent.evals import measure_faithfulness
    from churn_agent.settings import Settings

    settings = Settings.load()
    _name_addresses(settings, settings.model)
    with _Bars() as bars:
        results = measure_faithfulness(
            names,
            settings=settings,
            stores=context.obj["store"] or _STORES,
            limit=limit,
            judge=judge,
            progress=bars,
        )
    if json_:
        common.print_json(results)
        return
    table = Table(
        "set", "n", "change without cited", "without random", "ratio", "change with cited only", "random only"
    )
    for result in results:
        ratio = f"{result.ratio:.2f} [{result.ratio_low:.2f} {result.ratio_high:.2f}]"
        without = f"{result.comprehensiveness:.2f}", f"{result.comprehensiveness_of_random:.2f}"
        alone = f"{result.sufficiency:.2f}", f"{result.sufficiency_of_random:.2f}"
        table.add_row(result.set, str(result.n), *without, ratio, *alone)
    common.out.print(table)


@evals.command("abstention")
@_SETS
@_SOME
@click.option("--plot", type=Output(), metavar="FILE.svg", help="Plot risk against coverage.")
@common.as_json
@click.pass_context
def abstention(
    context: click.Context, names: tuple[str, ...], limit: int | None, plot: Path | None, json_: bool
) -> None:
    """Measure errors by how long customers have been known, to choose when to give no number.

    Predictions come from facts alone: as many customers are predicted to churn as did. No language model is called.
    """
    common.note("starting")
    from churn_agent.evals import measure_abstention
    from churn_agent.evals.checks import abstention
    from churn_agent.settings import Settings

    settings = Settings.load()
    with _Bars() as bars:
        stores = context.obj["store"] or _STORES
        results = measure_abstention(names, settings=settings, stores=stores, limit=limit, progress=bars)
    _draw(lambda axes: abstention.draw(axes, results), plot)
    if json_:
        common.print_json(results)
        return
    for name in dict.fromkeys(result.set for result in results):
        columns = "known for less than", "left out", "error rate", "others", "error rate"
        table = Table(*columns, title=name, title_justify="left")
        for result in (result for result in results if result.set == name):
            least = f"{result.least_days_known} days" if result.left_out else ""
            low, high = result.wrong_left_out_low, result.wrong_left_out_high
            wrong = f"{result.wrong_left_out:.2f} [{low:.2f}, {high:.2f}]" if result.left_out else ""
            table.add_row(least, f"{result.left_out:,}", wrong, f"{result.coverage:.1%}", f"{result.risk:.3f}")
        common.out.print(table)
    days, now = abstention.justified(results), settings.least_days_known
    click.echo(
        f"no better than chance for customers known for less than {days} days (CHURN_AGENT_LEAST_DAYS_KNOWN is {now})"
        if days
        else f"no group of customers is worse than chance (CHURN_AGENT_LEAST_DAYS_KNOWN is {now})"
    )


def _name_addresses(settings: "Settings", *models: str) -> None:
    """Notes where models would send the words of sets, before anything is sent."""
    from churn_agent.models.opening import sent_to

    for model in dict.fromkeys(models):
        told = sent_to(settings.changed(model=model))
        if told:
            common.note(told)


class _Bars:
    """Progress of a run on standard error."""

    def __init__(self) -> None:
        self._bars = common.Counting()
        self._task: Any = None

    def __enter__(self) -> "_Bars":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def planned(self, plan: "Sequence[Planned]") -> None:
        from churn_agent.settings import Settings

        _name_addresses(Settings.load(), *(way.model for planned in plan for way, _ in planned.ways))
        for planned in plan:
            n, total = len(planned.samples), planned.all_samples
            drawn = f" (a fixed stratified sample of {total:,})" if n < total else ""
            churned = sum(sample.churned for sample in planned.samples)
            common.note(
                f"{planned.labelled.name}: {n} samples{drawn}, {churned} churned, "
                f"{len(planned.development)} for choices; {len(planned.ways)} combinations of prompt and model"
            )

    def estimated(self, estimate: "Estimate") -> None:
        if estimate.samples:
            common.note(
                f"{estimate.samples:,} assessments, about {estimate.tokens:,.0f} tokens, "
                f"about {estimate.seconds / 60:.0f} minutes"
            )

    def began(self, what: str, total: int) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(what, total=total)

    def left_out(self, name: str, method: str, why: str) -> None:
        common.note(f"{name}: {method} is skipped: {why}")

    def advanced(self) -> None:
        self._bars.advance(self._task)


def _draw(fill: "Callable[[Any], None]", plot: Path | None) -> None:
    if plot:
        from churn_agent.measuring.plots import write_svg

        write_svg(fill, plot, size=(6.4, 3.2))
        common.note(f"drawn: {plot}")


def _print_side_by_side(one: "Prediction", other: "Prediction") -> None:
    outcome = "churned" if one.churned else "stayed"
    click.echo(f"  {one.sample_id}, {outcome}: {one.churn_probability:.2f} and {other.churn_probability:.2f}")
    for quoted in dict.fromkeys((*one.cited, *other.cited)):
        click.echo(f"    {quoted}")


def _side_by_side(one: "Prediction", other: "Prediction") -> dict[str, Any]:
    both = {"first": one, "second": other}
    return {
        "customer_id": one.customer_id,
        "as_of": one.as_of,
        "churned": one.churned,
        **{name: {"churn_probability": p.churn_probability, "cited": p.cited} for name, p in both.items()},
    }


def _print_figures(figures: "Sequence[Figure]") -> None:
    from churn_agent.evals.runs.scoreboard import ranked

    by_key = {(f.set, f.method, f.metric): f for f in figures}
    for name in dict.fromkeys(f.set for f in figures):
        title = f"{name}: {_sizes(name, figures)}"
        columns = [Column(name, min_width=_FIGURE_WIDTH, overflow="fold") for name in ("method", *_SHOWN)]
        table = Table(*columns, title=title, title_justify="left")
        for method in ranked(name, figures):
            table.add_row(method, *(_shown(by_key.get((name, method, metric))) for metric in _SHOWN))
        common.out.print(table)


def _sizes(name: str, figures: "Sequence[Figure]") -> str:
    sizes = {f.split: f"{f.n} samples ({f.base_rate:.0%} churned)" for f in figures if f.set == name}
    return "; ".join(f"{split}: {size}" for split, size in sizes.items())


def _shown(figure: "Figure | None") -> str:
    if figure is None or figure.value != figure.value:
        return ""
    interval = f" [{figure.low:.2f} {figure.high:.2f}]" if figure.low == figure.low else ""
    return f"{figure.value:.3f}{interval}"
