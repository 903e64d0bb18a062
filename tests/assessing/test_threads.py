"""An agent is safe to assess with from several threads."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from churn_agent import ChurnAgent
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings

DAY = date(2026, 3, 1)


class OneAtATime(ScriptedModel):
    """Fails if it is asked while it answers, as one llama.cpp context would."""

    busy = False

    def score_labels(self, requests):
        assert not self.busy
        self.busy = True
        answers = list(super().score_labels(requests))
        self.busy = False
        return iter(answers)


def test_threads_get_the_records_that_one_would_get(tmp_path):
    rows = ["customer_id,timestamp,channel,text"]
    rows += [f"c{n},2026-02-{day:02d},email,Message {day} of {n}." for n in range(12) for day in range(1, 4)]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    ids = [f"c{n}" for n in range(12)]
    with ChurnAgent(Settings.load(store=tmp_path / "book"), model=OneAtATime()) as agent:
        agent.ingest(tmp_path / "rows.csv", unknown_is="customer")
        with ThreadPoolExecutor(6) as pool:
            records = list(pool.map(lambda id_: agent.assess(id_, as_of=DAY), ids))
        alone = [agent.assess(id_, as_of=DAY) for id_ in ids]
    assert [each.customer_id for each in records] == ids
    assert [each.churn_probability for each in records] == [each.churn_probability for each in alone]
