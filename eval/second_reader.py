"""Trains the second reader, and measures it on messages that it was not trained on.

    python eval/second_reader.py train OUT [--epochs 10] [--seed 0] [--with-corrections FILE]
    python eval/second_reader.py measure [--reader FILE] [--json]
    python eval/second_reader.py read [--prompt NAME]

`train` uses the messages of `eval/datasets/bank`, without those that resemble a message of the test sets; an epoch
takes about four minutes. With corrections (at least 30, by `churn-agent corrections export --as messages -o FILE`),
OUT has learned from customers' words: it is for their company alone, and forgets nobody. `measure` gives precision
and recall of the signals by threshold, on messages of the same writers (`eval/datasets/held_out.jsonl`), in other
languages (`eval/datasets/languages`), and on public ones (`real_messages.jsonl`, two readers), whose texts are those of
the labelled sets in CHURN_AGENT_TEST_DATA. The weights of both readers are then fitted by `churn-agent models fit MODEL
--prompt read/encoder`. `read` gives the figures of what the default model shows in the end, on the public messages; a
signal that one of the two readers saw is not false.
"""

import csv
import gzip
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from more_itertools import chunked
from sklearn.metrics import roc_auc_score

from churn_agent.content.fitted_thresholds import for_model
from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.read import read_messages
from churn_agent.elicitation.read_twice import leaving_odds
from churn_agent.elicitation.second_reader import adapter
from churn_agent.elicitation.second_reader.messages import GoldMessage, GoldSignal, load, without_near_duplicates
from churn_agent.elicitation.second_reader.network import Network
from churn_agent.elicitation.second_reader.reading import SHIPPED, SecondReader
from churn_agent.elicitation.second_reader.training import train
from churn_agent.evals.checks import combining, fitting
from churn_agent.models import weights
from churn_agent.outcomes.correcting import require_enough
from churn_agent.settings import Settings

BASE = "multilingual-e5-small-q4"
DATASETS = Path(__file__).parent / "datasets"
BANK = sorted((DATASETS / "bank").glob("*.jsonl"))
NO_BRAND = "no_brand"
"""The company of messages in the chats that name none."""
THRESHOLDS = 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95


@click.group()
def main() -> None:
    """Train or measure the second reader."""


@main.command("train")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--epochs", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--with-corrections", "corrections", type=click.Path(exists=True, path_type=Path))
def _train(out: Path, epochs: int, seed: int, corrections: Path | None) -> None:
    """Train on the bank and write the file OUT."""
    models_dir = Settings.load().models_dir
    signals = tuple(load_taxonomy().by_id)
    corrected = list(load(corrections)) if corrections else []
    if corrections:
        require_enough(len(corrected))
    messages = [*load(*BANK), *corrected]
    kept = list(without_near_duplicates(messages, test_texts()))
    print(f"{len(kept)} messages; {len(messages) - len(kept)} resemble a test message", file=sys.stderr)
    network = Network(weights.find(BASE, models_dir), len(signals))
    before = {name: tensor.clone() for name, tensor in network.tuned_layers.state_dict().items()}
    began = time.monotonic()

    def report(epoch: int, loss: float) -> None:
        print(f"epoch {epoch} of {epochs}: loss {loss:.3f}, {time.monotonic() - began:.0f} s", file=sys.stderr)

    train(network, kept, signals, epochs=epochs, seed=seed, report=report)
    files = [*BANK, *([corrections] if corrections else [])]
    data = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    command = f"python eval/second_reader.py train OUT --epochs {epochs} --seed {seed}"
    command += f" --with-corrections {corrections.name}" if corrections else ""
    adapter.save(out, network, before, adapter.Adapter(BASE, signals, command, data))


@main.command("measure")
@click.option("--reader", type=click.Path(exists=True, path_type=Path), default=SHIPPED, show_default=False)
@click.option("--json", "as_json", is_flag=True)
def _measure(reader: Path, as_json: bool) -> None:
    """Print precision and recall by threshold."""
    second = SecondReader(Settings.load().models_dir, reader)
    sets = {
        "held out": list(load(DATASETS / "held_out.jsonl")),
        "real": [message for message, _ in real_messages()],
        **{file.stem: list(load(file)) for file in sorted((DATASETS / "languages").glob("*.jsonl"))},
    }
    tables = {name: measure(second, messages) for name, messages in sets.items() if messages}
    if as_json:
        print(json.dumps(tables))
        return
    for name, table in tables.items():
        print(f"{name}: {table['messages']} messages, {table['ms']:.1f} ms a message")
        print(
            f"  AUROC of leaving {table['auroc_of_leaving']:.3f}, "
            f"leaning right {table['leaning']:.3f}, tone right {table['tone']:.3f}"
        )
        for threshold, precision, recall in table["signals"]:
            print(f"  from {threshold:.2f}: precision {precision:.3f}, recall {recall:.3f}")


@main.command("read")
@click.option("--prompt", "name", default="encoder", show_default=True, help="A prompt of mode `read`.")
@click.option("--most", type=int, help="Only so many messages of each set.")
def _read(name: str, most: int | None) -> None:
    """Print precision and recall of what the default model shows with a prompt, on public messages."""
    settings, taxonomy = Settings.load(), load_taxonomy()
    plain = load_prompt("read", name)
    second = SecondReader(settings.models_dir) if plain.second_reader else None
    judged = list(real_messages())[:most]
    with fitting.reading_model(settings) as model:
        prompt = for_model(plain, model.info, settings.models_dir)
        readings = [combining.reading_of(message) for message, _ in judged]
        for n, batch in enumerate(chunked(readings, 8)):
            read_messages(batch, model, prompt, taxonomy, second=second)
            print(f"{8 * n} of {len(readings)}", file=sys.stderr)
    shown = sum(len(reading.strengths) for reading in readings)
    right = sum(len(reading.strengths.keys() & either) for reading, (_, either) in zip(readings, judged, strict=True))
    wanted = [{signal.id for signal in message.signals} for message, _ in judged]
    found = sum(len(reading.strengths.keys() & ids) for reading, ids in zip(readings, wanted, strict=True))
    leaves = [message.leaves for message, _ in judged]
    leanings = [reading.leaning or prompt.thresholds.neutral_leaning for reading in readings]
    tokens = sum(usage.prompt_tokens for reading in readings for usage in reading.usages)
    print(f"{len(judged)} messages, {shown} signals shown, {tokens / len(judged):.0f} tokens a message")
    print(f"precision {right / max(1, shown):.3f}, recall {found / sum(map(len, wanted)):.3f}")
    print(f"AUROC of leaving {roc_auc_score(leaves, leanings):.3f}")
    for id_ in taxonomy.by_id:
        named = [id_ in reading.strengths for reading in readings]
        right = sum(yes and id_ in either for yes, (_, either) in zip(named, judged, strict=True))
        print(f"  {id_}: {sum(named)} shown, {right} right, {sum(id_ in ids for ids in wanted)} there")


def measure(reader: SecondReader, messages: Sequence[GoldMessage]) -> dict[str, object]:
    """Figures of a reader on messages."""
    reader.read(["warm"])
    began = time.perf_counter()
    readings = reader.read([message.renaming.text for message in messages])
    seconds = time.perf_counter() - began
    probability = np.array([[reading.signals[id_] for id_ in reader.about.signals] for reading in readings])
    shown = np.array([[any(s.id == id_ for s in m.signals) for id_ in reader.about.signals] for m in messages])
    leaves = [message.leaves for message in messages]
    return {
        "messages": len(messages),
        "ms": 1000 * seconds / len(messages),
        "auroc_of_leaving": float(roc_auc_score(leaves, [leaving_odds(reading) for reading in readings])),
        "leaning": np.mean(
            [m.leaning == max(r.leaning, key=r.leaning.__getitem__) for m, r in zip(messages, readings, strict=True)]
        ),
        "tone": np.mean(
            [m.tone == max(r.tone, key=r.tone.__getitem__) for m, r in zip(messages, readings, strict=True)]
        ),
        "signals": [
            (
                t,
                float(shown[probability >= t].mean()) if (probability >= t).any() else 1.0,
                float((probability >= t)[shown].mean()),
            )
            for t in THRESHOLDS
        ],
    }


def real_messages() -> Iterator[tuple[GoldMessage, frozenset[str]]]:
    """The public messages with the signals that both readers saw, and the ids that either saw."""
    folder = os.environ.get("CHURN_AGENT_TEST_DATA")
    rows = [json.loads(line) for line in (DATASETS / "real_messages.jsonl").read_text(encoding="utf-8").splitlines()]
    if not folder:
        print("CHURN_AGENT_TEST_DATA is not set: no real messages", file=sys.stderr)
        return
    texts = {name: texts_of(Path(folder) / name) for name in {row["set"] for row in rows}}
    brands = {name: {row["company"] for row in rows if row["set"] == name} - {NO_BRAND} for name in texts}
    for row in rows:
        text = texts[row["set"]][row["text_sha256"]]
        first, second = ({(id_, start, end) for id_, start, end in reader["signals"]} for reader in row["readers"])
        ids = {id_ for id_, *_ in first} & {id_ for id_, *_ in second}
        signals = tuple(GoldSignal(id=id_, quote=text[start:end]) for id_, start, end in first if id_ in ids)
        own = "" if row["company"] == NO_BRAND else row["company"]
        others = tuple(brands[row["set"]] - {own})
        leaning, tone = row["readers"][0]["leaning"], row["readers"][0]["tone"]
        message = GoldMessage(text=text, company=own, others=others, signals=signals, leaning=leaning, tone=tone)
        yield message, frozenset(id_ for id_, *_ in first | second)


def texts_of(folder: Path) -> dict[str, str]:
    """Beginning of the SHA-256 -> text, of a labelled set."""
    with gzip.open(folder / "interactions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {hashlib.sha256(row["text"].encode()).hexdigest()[:16]: row["text"] for row in csv.DictReader(file)}


def test_texts() -> Iterator[str]:
    """Texts of the test sets that may not be trained on."""
    for message, _ in real_messages():
        yield message.text
    for name in ("hard_cases", "switching"):
        with (DATASETS / name / "interactions.csv").open(encoding="utf-8", newline="") as file:
            yield from (row["text"] for row in csv.DictReader(file))


if __name__ == "__main__":
    main()
