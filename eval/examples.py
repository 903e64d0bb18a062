"""Worked examples by retrieval, as an experiment: does the default model answer better after messages alike?

    python eval/examples.py [--set real|held_out] [--most N] [--from 0.15] [--to 0.85] [--examples 3] [--bank 1000]

Where both readers together are unsure of a signal, the model is asked again, after the nearest messages of the bank
with their right answers: one that shows the signal, one that does not, and the next nearest, of the same language where
there are enough. Prints what is shown with and without them, and what they cost. It resumes after an interruption:
answers are kept in the model folder, and so are the vectors of the bank.

`real` are the public messages with two readers (CHURN_AGENT_TEST_DATA); a signal that one of them saw is not false.
`held_out` are those of `eval/datasets/held_out.jsonl` on which the combiner was not fitted.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import click
import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from second_reader import BANK, DATASETS, real_messages, test_texts
from sklearn.metrics import roc_auc_score

from churn_agent.content.fitted_thresholds import for_model
from churn_agent.content.prompts import Check, fill, load_prompt
from churn_agent.content.taxonomy import Taxonomy, load_taxonomy
from churn_agent.domain.interactions import text_id
from churn_agent.elicitation.base import failure_of
from churn_agent.elicitation.confirm import Reading, neutral_requests
from churn_agent.elicitation.read import read_messages
from churn_agent.elicitation.read_twice import Answers, ask_both
from churn_agent.elicitation.second_reader.messages import GoldMessage, load, without_near_duplicates
from churn_agent.elicitation.second_reader.reading import SecondReader
from churn_agent.evals.checks import combining, fitting
from churn_agent.evidence.box import box
from churn_agent.index import updating
from churn_agent.index.embedder import Embedder
from churn_agent.index.vectors import Index
from churn_agent.ingest.cleaning import languages_of
from churn_agent.models.base import ChatModel, Message, Question, ScoreRequest
from churn_agent.scoring.prior import log_odds, sigmoid
from churn_agent.settings import Settings

YES, NO = "Yes", "No"
FEWEST = 50
"""Messages of a language in the bank below which other languages serve as well."""
STORE = "examples"
"""Folder, in the model folder, of the index of the bank."""


@dataclass(frozen=True)
class Bank:
    """Messages with gold, as they can be shown."""

    messages: Sequence[GoldMessage]
    languages: Sequence[str]
    vectors: NDArray[np.float32]
    """Shape (messages, dimension), with rows of unit length."""

    def take(self, rows: Sequence[int]) -> "Bank":
        """Some of the messages."""
        return Bank([self.messages[i] for i in rows], [self.languages[i] for i in rows], self.vectors[rows])

    def covering(self, n: int) -> "Bank":
        """About `n` messages that leave none of the others far away: the farthest comes next (Gonzalez 1985)."""
        nearest = np.full(len(self.messages), -1.0, np.float32)
        rows: list[int] = []
        while len(rows) < min(n, len(self.messages)):
            rows.append(int(nearest.argmin()))
            nearest = np.maximum(nearest, self.vectors @ self.vectors[rows[-1]])
            nearest[rows] = np.inf
        return self.take(sorted(rows))

    def near(self, vector: NDArray[np.float32], language: str | None, signal: str, n: int) -> list[int]:
        """Rows of the nearest messages, the nearest last: with the signal, without it, and the next nearest."""
        same = [i for i, of in enumerate(self.languages) if of == language]
        rows = same if len(same) >= FEWEST else list(range(len(self.languages)))
        by_distance = sorted(rows, key=lambda i: -float(self.vectors[i] @ vector))
        shown = next((i for i in by_distance if shows(self.messages[i], signal)), None)
        other = next((i for i in by_distance if not shows(self.messages[i], signal)), None)
        first = [i for i in (shown, other) if i is not None]
        chosen = [*first, *(i for i in by_distance if i not in first)][:n]
        return sorted(chosen, key=by_distance.index, reverse=True)


def shows(message: GoldMessage, signal: str) -> bool:
    """Whether a message shows a signal."""
    return any(each.id == signal for each in message.signals)


def bank_of(settings: Settings, embedder: Embedder) -> Bank:
    """The bank without what resembles a test message, with vectors from an index in the model folder."""
    rows = [json.loads(line) for file in BANK for line in file.read_text(encoding="utf-8").splitlines()]
    language_of = {row["text"]: row["lang"] for row in rows}
    held_out = (message.text for message in load(DATASETS / "held_out.jsonl"))
    messages = list(without_near_duplicates(load(*BANK), [*test_texts(), *held_out]))
    messages = list({message.text: message for message in messages}.values())
    texts = {text_id(message.text): message.text for message in messages}
    folder = settings.models_dir / STORE
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Index(folder)) as index:
        updating.update(index, embedder, set(texts), lambda ids: {id_: texts[id_] for id_ in ids}, report)
        vectors = index.vectors(texts)
    return Bank(
        messages,
        [language_of[message.text] for message in messages],
        unit(vectors[text_id(message.text)].mean(axis=0) for message in messages),
    )


def unit(rows: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The rows with unit length."""
    stacked = np.vstack(list(rows))
    return stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)


def report(done: int, total: int) -> None:
    """Prints how far embedding is."""
    print(f"{done} of {total} messages of the bank embedded", file=sys.stderr)


def question_about(signal: str, company: str, check: Check, taxonomy: Taxonomy) -> str:
    """The question whether words show a signal."""
    definition = fill(taxonomy.by_id[signal].definition, {"company": company})
    return fill(check.question, {"definition": definition, "company": company, "message": ""})


def with_examples(
    i: int, message: GoldMessage, signal: str, examples: Sequence[GoldMessage], check: Check, taxonomy: Taxonomy
) -> ScoreRequest:
    """The request about a signal of a message, after examples with the right answers."""

    def context(of: GoldMessage) -> str:
        said = f'"{box(of.renaming.text)}"'
        return fill(check.context, {"company": combining.reading_of(of).called, "message": said})

    worked = [
        f"{context(each)}{question_about(signal, combining.reading_of(each).called, check, taxonomy)}\n"
        f"{YES if shows(each, signal) else NO}\n\n"
        for each in examples
    ]
    company = combining.reading_of(message).called
    return ScoreRequest(
        f"{i}/{signal}",
        shared=(Message("system", fill(check.system, {"company": company})),),
        context="".join(worked) + context(message),
        questions=(Question(signal, question_about(signal, company, check, taxonomy), (YES, NO)),),
    )


def messages_of(name: str, most: int | None) -> list[tuple[GoldMessage, frozenset[str]]]:
    """Messages with their gold, and the ids of the signals that are not false."""
    if name == "real":
        return list(islice(real_messages(), most))
    others = islice(load(DATASETS / "held_out.jsonl"), combining.SAMPLE, None)
    return [(each, frozenset(signal.id for signal in each.signals)) for each in islice(others, most)]


@click.command()
@click.option("--set", "name", type=click.Choice(["real", "held_out"]), default="real", show_default=True)
@click.option("--most", type=int, help="Only so many messages.")
@click.option("--from", "low", default=0.15, show_default=True, help="Least combined probability that is unsure.")
@click.option("--to", "high", default=0.85, show_default=True, help="Greatest combined probability that is unsure.")
@click.option("--examples", "n", default=3, show_default=True, help="Examples of a question.")
@click.option("--bank", "size", default=1000, show_default=True, help="Messages of the bank that are used.")
def main(name: str, most: int | None, low: float, high: float, n: int, size: int) -> None:
    """Compare what is shown with and without worked examples."""
    settings, taxonomy = Settings.load(), load_taxonomy()
    judged = messages_of(name, most)
    messages = [message for message, _ in judged]
    embedder = Embedder.open(settings.embedder, settings.models_dir)
    bank = bank_of(settings, embedder).covering(size)
    vectors = unit(each.mean(axis=0) for each in embedder.encode(message.text for message in messages))
    languages = languages_of([message.text for message in messages])
    second = SecondReader(settings.models_dir)
    with fitting.reading_model(settings) as model:
        prompt = for_model(load_prompt("read", "encoder"), model.info, settings.models_dir)
        check, combiner = prompt.check, prompt.thresholds.combiner
        assert check
        assert combiner
        readings = [combining.reading_of(message) for message in messages]
        answers: dict[int, Answers] = {}
        for numbers in chunked(range(len(messages)), 8):
            read_messages([readings[i] for i in numbers], model, prompt, taxonomy, second=second)
            again = {i: combining.reading_of(messages[i]) for i in numbers}  # the same requests, from the cache
            limits = {"proposed": combiner.proposed, "silent": combiner.silent}
            answers |= ask_both(again, model, prompt, taxonomy, second, **limits)
            for i, reading in again.items():
                readings[i].proposals = reading.proposals | readings[i].proposals
            print(f"{numbers[-1] + 1} of {len(messages)} messages read", file=sys.stderr)
        plain = {
            (i, id_): combiner.signal(id_, log_odds(each.second.signals[id_]), each.odds[id_])
            for i, each in answers.items()
            for id_ in readings[i].proposals
            if id_ in each.odds
        }
        unsure = [key for key, odds in plain.items() if low <= sigmoid(odds) <= high]
        requests = {
            (i, id_): with_examples(
                i,
                messages[i],
                id_,
                [bank.messages[row] for row in bank.near(vectors[i], languages[i], id_, n)],
                check,
                taxonomy,
            )
            for i, id_ in unsure
        }
        odds, tokens = asked(requests, model, check, taxonomy)
    changed = {
        (i, id_): combiner.signal(id_, log_odds(answers[i].second.signals[id_]), value)
        for (i, id_), value in odds.items()
    }
    both = {key: (plain[key] + value) / 2 for key, value in changed.items()}
    print(
        f"{len(messages)} messages, {len(unsure)} signals unsure; examples cost {tokens / len(messages):.0f} tokens a "
        f"message more, {tokens / max(1, len(unsure)):.0f} a question"
    )
    right = [id_ in judged[i][1] for i, id_ in changed]
    for what, values in (
        ("without examples", {key: plain[key] for key in changed}),
        ("with examples", changed),
        ("mean of both", both),
    ):
        shown, good, found, wanted = counts(readings, judged, values, plain, log_odds(combiner.shown), taxonomy)
        area = roc_auc_score(right, list(values.values())) if len(set(right)) == 2 else float("nan")
        print(
            f"{what}: {shown} shown, precision {good / max(1, shown):.3f}, recall {found / max(1, wanted):.3f}, "
            f"AUROC of the unsure ones {area:.3f}"
        )


def asked(
    requests: Mapping[tuple[int, str], ScoreRequest], model: ChatModel, check: Check, taxonomy: Taxonomy
) -> tuple[dict[tuple[int, str], float], int]:
    """Log-odds of yes, less those for neutral words without examples, and the tokens of the requests, cached or not."""
    neutral: dict[str, list[float]] = {}
    for scores in model.score_labels(neutral_requests({id_ for _, id_ in requests}, check, taxonomy)):
        values = [each[YES] - each[NO] for each in scores.log_probabilities.values()]
        neutral.setdefault(scores.id.partition("/")[2], []).extend(values)
    odds: dict[tuple[int, str], float] = {}
    tokens = 0
    for batch in chunked(requests.values(), 32):
        for scores in model.score_labels(batch):
            i, _, id_ = scores.id.partition("/")
            tokens += model.count_tokens(requests[int(i), id_].context)
            if failure_of(scores) is None:
                labels = scores.log_probabilities[id_]
                odds[int(i), id_] = labels[YES] - labels[NO] - float(np.mean(neutral[id_]))
        print(f"{len(odds)} of {len(requests)} asked with examples", file=sys.stderr)
    return odds, tokens


def counts(
    readings: Sequence[Reading],
    judged: Sequence[tuple[GoldMessage, frozenset[str]]],
    values: Mapping[tuple[int, str], float],
    plain: Mapping[tuple[int, str], float],
    least: float,
    taxonomy: Taxonomy,
) -> tuple[int, int, int, int]:
    """Signals shown, right, found and wanted, if these log-odds decide about the unsure ones.

    A signal that is shown although its plain log-odds are too low (the message as a whole reads like leaving) stays.
    """
    totals: list[Any] = []
    for i, (reading, (message, either)) in enumerate(zip(readings, judged, strict=True)):
        decided = {id_: odds >= least for (of, id_), odds in values.items() if of == i}
        shown = {id_ for id_ in reading.strengths if decided.get(id_, True) or plain.get((i, id_), least) < least}
        shown |= {
            id_
            for id_, yes in decided.items()
            if yes and taxonomy.quotes.shown_by(id_, reading.proposals[id_], reading.text) == id_
        }
        wanted = {signal.id for signal in message.signals}
        totals.append((len(shown), len(shown & either), len(shown & wanted), len(wanted)))
    shown, good, found, wanted = np.sum(totals, axis=0).tolist()
    return shown, good, found, wanted


if __name__ == "__main__":
    main()
