"""Does the model hear whether a customer is satisfied? Its answer about single messages against the stars they gave.

    python eval/sentiment.py SET [--limit 60] [--seed 0] [--json]

Takes as many messages with one or two stars as with four or five (metadata `rating`), each cut to 700 characters, asks
one yes/no question about each, and prints the AUROC of the answer with its interval, clustered by customer.
"""

import argparse
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.domain.interactions import Interaction, as_number
from churn_agent.evals.sets.labelled import find_set
from churn_agent.evidence.box import box
from churn_agent.history import interactions
from churn_agent.measuring import metrics
from churn_agent.models.base import Message, Question, ScoreRequest
from churn_agent.settings import Settings

QUESTION = "Is this customer satisfied?"
_LONGEST = 700
_POOR, _GOOD = 2, 4


def rated(agent: ChurnAgent, limit: int, seed: int) -> tuple[list[Interaction], list[bool]]:
    """Messages with poor and with good ratings, as many of each, and which are good."""
    whole = datetime(1970, 1, 2, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    found = interactions.with_metadata(agent.history, ("rating",), after=whole[0], until=whole[1])
    stars = {each.id: as_number(each.metadata["rating"]) or 3.0 for each in found if each.text.strip()}
    rng = random.Random(seed)  # noqa: S311 - no secret
    parts = [[e for e in found if e.id in stars and keep(stars[e.id])] for keep in (_is_poor, _is_good)]
    n = min(limit, *map(len, parts))
    poor, good = (rng.sample(part, n) for part in parts)
    return [*poor, *good], [False] * n + [True] * n


def _is_poor(stars: float) -> bool:
    return stars <= _POOR


def _is_good(stars: float) -> bool:
    return stars >= _GOOD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", help="name or path of a labelled set whose interactions have a rating")
    parser.add_argument("--limit", type=int, default=60, help="messages of either kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    settings = Settings.load()
    labelled = find_set(given.set, near=Path(), sets_dir=settings.sets_dir)
    with labelled.open(labelled.store_in(Path("eval-runs") / "stores"), settings) as agent:
        shown, good = rated(agent, given.limit, given.seed)
        system = Message("system", "You check what a customer says. You answer Yes or No.")
        requests = [
            ScoreRequest(
                each.id,
                (system,),
                f'Customer: "{box(each.text[:_LONGEST])}"\n',
                (Question("satisfied", QUESTION, ("Yes", "No")),),
            )
            for each in shown
        ]
        scored = {result.id: result.log_probabilities["satisfied"] for result in agent.model.score_labels(requests)}
    odds = np.array([scored[each.id]["Yes"] - scored[each.id]["No"] for each in shown])
    groups = np.unique([each.customer_id for each in shown], return_inverse=True)[1]
    area = metrics.auroc(np.array(good), odds, groups)
    told = {"set": labelled.name, "n": len(shown), "auroc": area.value, "low": area.low, "high": area.high}
    if given.json:
        print(json.dumps(told))
    else:
        print(f"{told['set']}: AUROC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}], n = {told['n']}")


if __name__ == "__main__":
    main()
