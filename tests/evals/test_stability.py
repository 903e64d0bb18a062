import json
import math

import pytest

from churn_agent.assessing.perturbing import Perturbed
from churn_agent.domain.assessment import Assessment, ChurnProbability
from churn_agent.evals.checks.stability import measure
from churn_agent.scoring.bands import Bands


def judged(*scores):
    return [
        Assessment.model_construct(
            churn_probability=score
            and ChurnProbability(
                value=score, low=None, high=None, raw=score, method="m", calibrated=False, base_rate=None,
                horizon_days=90,
            )
        )
        for score in scores
    ]  # fmt: skip


def test_it_counts_changes_of_band_and_the_size_of_moves():
    plain = Perturbed("as they are", [], judged(0.2, 0.5, 0.64, None))
    other = Perturbed("other", [], judged(0.2, 0.2, 0.66, 0.9))
    [found] = measure("set", [plain, other], Bands(margin=0.2))
    assert (found.perturbation, found.n) == ("other", 3)
    assert found.flips == pytest.approx(2 / 3)
    assert found.flips_held == pytest.approx(1 / 3)
    moves = [0, math.log(0.25), math.log(0.66 / 0.34) - math.log(0.64 / 0.36)]
    assert found.spread == pytest.approx(math.sqrt(sum(m * m for m in moves) / 3))
    assert found.flips < found.flips_high < 1


@pytest.mark.slow
def test_from_the_command_line(cli, book_folder, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    result = cli("eval", "stability", book_folder, "--limit", 6, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [each["perturbation"] for each in found] == [
        "half of the evidence", "an irrelevant message", "the prompt reworded",
    ]  # fmt: skip
    assert {each["n"] for each in found} == {6}
    assert "band changes" in cli("eval", "stability", book_folder, "--limit", 6).out
