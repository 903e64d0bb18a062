"""A store with two runs, and what hostile sources hold."""

import json
import shutil
from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.history import runs
from churn_agent.models.scripted import ScriptedModel
from churn_agent.reports.portfolio.building import build
from churn_agent.settings import Settings

HOSTILE = [
    "<script>window.__pwned=1</script>",
    '<img src=x onerror="window.__pwned=1">',
    "</script><script>window.__pwned=1</script>",
    "<svg/onload=window.__pwned=1>",
    "{{ 7 * 7 }} {% raw %}",
    "=HYPERLINK(\"http://evil.invalid\",\"x\")",
    "+1+1", "-1+1", "@SUM(1+1)", "\t=1+1",
    "../../../../tmp/evil", "a/b", "a:b", "CON", "\u202eevil",
    "[x](javascript:alert(1)) <b>*bold*</b> | cell",
]  # fmt: skip


def hostile_texts(data_folder=None):
    """Ours, and those of the folder of test material where there is one."""
    found = list(HOSTILE)
    for name in ("html_markup", "spreadsheet_formulas", "customer_ids") if data_folder else ():
        path = data_folder / "adversarial" / f"{name}.jsonl"
        found += [json.loads(line)["value"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [text for text in dict.fromkeys(found) if isinstance(text, str) and text.strip()]


def quoting(*texts):
    """A script in which the model quotes each text as a wish to leave."""
    signals = [{"quote": text, "signal": "leaving_announced"} for text in texts]
    return {
        "generate": [
            {"contains": json.dumps(text)[1:-1], "answer": {"signals": [each]}}
            for text, each in zip(texts, signals, strict=True)
        ]
    }


def open_agent(store, script=None, **settings):
    return ChurnAgent(Settings.load(store=store, prompt="direct", **settings), model=ScriptedModel(script))


CARD = "company: Acme\nkind: repeat_purchase\nvalue_attribute: yearly_value\ncurrency: EUR\n"
LEAVES = "I will cancel my contract"


@pytest.fixture(scope="session")
def assessed_once(tmp_path_factory):
    """The folder of the fixture below, made once."""
    folder = tmp_path_factory.mktemp("assessed")
    rows = ["customer_id,timestamp,channel,direction,text"]
    for n in range(1, 7):
        rows += [f"c-{n},2025-{month:02}-1{n},order,inbound,1 x tea" for month in (11, 12)]
        rows.append(f'c-{n},2026-01-0{n},chat,inbound,"A question, number {n}."')
    rows.append(f"c-1,2026-02-10,chat,inbound,{LEAVES}")
    (folder / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    customers = ["customer_id,owner,yearly_value,renewal_date"]
    customers += [f"c-{n},{'Ana' if n < 4 else 'Ben'},{n * 100},2026-0{n + 3}-01" for n in range(1, 6)]
    (folder / "customers.csv").write_text("\n".join(customers), encoding="utf-8")
    (folder / "card.yaml").write_text(CARD)
    with open_agent(folder / "store", quoting(LEAVES), band_margin=0.0) as agent:
        agent.ingest([folder / "rows.csv"], customers=folder / "customers.csv", card=folder / "card.yaml")
        for day in (date(2026, 1, 15), date(2026, 3, 1)):
            run_batch(agent, folder / f"{day}.jsonl", BatchSpec(as_of=day))
    return folder


@pytest.fixture
def store(assessed_once, tmp_path):
    """Six customers of two owners; c-1 says in February that they leave. Two runs: January and March, and nobody
    is held in a band."""
    shutil.copytree(assessed_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "store"


@pytest.fixture(scope="session")
def portfolio(assessed_once):
    """The report of the later run."""
    with open_agent(assessed_once / "store") as agent:
        return build(agent.store, runs.find(agent.history, "latest"))
