"""Does a cascade find the customers that a full run would put on top?

    python eval/bench/screening.py [--customers 300] [--limit N] [--weeks N] [--store FOLDER] [--json FILE]

Customers of the synthetic book are screened, and assessed by default. Recall is the share of the customers that the
full run puts on top (a tenth, a fifth) which the screening puts there too, with Wilson's interval of 95 %; its lift is
how many times more that is than a choice at random would find. `read`: the messages read for a customer, by the
screening (`new`: which no earlier batch had read), by the whole cascade, and by a full run. `--weeks`: so many weekly
cascades (of a tenth) come first.
What is paid is kept in `--store`, so a second call goes on; a store with weeks in it is another one.
"""

import argparse
import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from more_itertools import chunked
from rich.progress import Progress
from scipy.stats import binomtest

from churn_agent import ChurnAgent, Settings
from churn_agent.assessing.screening import Screening
from churn_agent.batch.cascade import Top, rank, rounds
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.demo.writing import write_book
from churn_agent.domain.assessment import Assessment
from churn_agent.history import interactions
from churn_agent.history.records import read_before
from churn_agent.history.snapshots import default_as_of

_SHARES = (0.1, 0.2)
_GROUP = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--limit", type=int, help="only the first so many customers of the book")
    parser.add_argument("--weeks", type=int, default=0)
    parser.add_argument("--store", type=Path, default=Path("screening-store"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with (
        ChurnAgent(Settings.load(store=arguments.store)) as agent,
        tempfile.TemporaryDirectory() as folder,
        Progress() as bar,
    ):
        write_book(Path(folder) / "book", "telecom", arguments.customers)
        agent.ingest([Path(folder) / "book"])
        ids = interactions.customer_ids(agent.history)[: arguments.limit]
        for weeks in range(arguments.weeks, 0, -1):
            day = default_as_of(agent.history, agent.store.card) - timedelta(weeks=weeks)
            spec = BatchSpec(as_of=day, limit=arguments.limit, top=Top(share=_SHARES[0]))
            run_batch(agent, arguments.store / f"{day}.jsonl", spec)
        task = bar.add_task("assessing", total=len(ids))
        full: dict[str, Assessment] = {}
        for group in chunked(ids, _GROUP):
            full |= {each.customer_id: each for each in agent.assess_many(group)}
            bar.advance(task, len(group))
        result = {"customers": len(ids)} | {f"top {share:.0%}": _held(agent, full, share, bar) for share in _SHARES}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


def _held(agent: ChurnAgent, full: dict[str, Assessment], share: float, bar: Progress) -> dict[str, Any]:
    """The screening for a share of the book, held against the full run."""
    wanted = Top(share=share).of(len(full))
    task = bar.add_task(f"screening for {share:.0%}", total=sum(rounds(len(full), wanted)))
    top, others = rank(agent, list(full), wanted, progress=lambda: bar.advance(task))
    on_top = {each.customer_id for each in top}
    by_number = sorted(full, key=lambda id_: number.raw if (number := full[id_].churn_probability) else 0, reverse=True)
    found = binomtest(len(on_top.intersection(by_number[:wanted])), wanted)
    interval = found.proportion_ci(method="wilson")
    all_of = {id_: len(each.provenance.evidence_ids) for id_, each in full.items()}
    screened = {each.customer_id: len(each.evidence_ids) for each in (*top, *others)}
    read = {
        "new": {each.customer_id: len(set(each.evidence_ids) - _known(agent, each)) for each in (*top, *others)},
        "screening": screened,
        "cascade": {id_: all_of[id_] if id_ in on_top else n for id_, n in screened.items()},
        "full run": all_of,
    }
    return {
        "recall": round(found.statistic, 3),
        "low": round(interval.low, 3),
        "high": round(interval.high, 3),
        "lift": round(found.statistic * len(full) / wanted, 1),
        "read": {way: round(sum(each.values()) / len(full), 2) for way, each in read.items()},
    }


def _known(agent: ChurnAgent, each: Screening) -> set[str]:
    model, prompt_hashes = agent.model.info.id, each.prompt.hashes
    return read_before(agent.history, each.customer_id, each.as_of, model=model, prompt_hashes=prompt_hashes)


if __name__ == "__main__":
    main()
