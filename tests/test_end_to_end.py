"""The main job with the real models: files to a grounded card."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date

import pytest

from churn_agent import ChurnAgent
from churn_agent.evidence.grounding import find_quote
from churn_agent.models import weights
from churn_agent.settings import Settings
from tests.conftest import write_csv

pytestmark = pytest.mark.model

PAIRS = {
    "English": ("The customer service was terrible. I'm considering switching.", "I'm considering switching to you"),
    "German": ("Der Kundendienst war schrecklich. Ich überlege zu wechseln.", "Ich überlege, zu euch zu wechseln"),
}
WORDS = [
    "I have been waiting for a technician for three weeks and nobody calls back.",
    "Thanks for the quick answer about the invoice.",
    "The connection drops every evening. I am thinking about going to Rival Mobile.",
    "Where do I find the manual of the router?",
]


@pytest.fixture
def agent(tmp_path, real_model):
    opened = ChurnAgent(Settings.load(store=tmp_path / "store"), model=real_model)
    yield opened
    opened.history.dispose()  # the model is shared: it stays open


@pytest.mark.parametrize("language", PAIRS)
def test_leaving_us_scores_higher_than_coming_to_us(agent, language):
    leaving, coming = (agent.assess_text(text) for text in PAIRS[language])
    assert leaving.churn_probability.raw > coming.churn_probability.raw + 0.1
    assert not any(reason.concept.startswith("leaving_") for reason in coming.reasons)


@pytest.mark.parametrize(
    "language",
    ["English", "German"],
)
def test_considering_to_leave_beside_a_complaint_is_a_reason(agent, language):
    leaving = agent.assess_text(PAIRS[language][0])
    assert any(reason.concept == "leaving_considered" for reason in leaving.reasons)


@pytest.mark.parametrize("mode", ["read", "ask", "explain"])
def test_files_become_a_grounded_card(tmp_path, real_model, mode, embedder_folder):
    rows = [f'c-1,2026-02-{n:02},chat,"{text}"' for n, text in enumerate(WORDS, start=1)]
    rows += [f"c-1,2025-{month:02}-05,order,1 x tea" for month in range(1, 13)]
    (tmp_path / "card.yaml").write_text("company: Acme Telecom\nhorizon_days: 90\nchurn_means: ends the contract\n")
    agent = ChurnAgent(Settings.load(store=tmp_path / "store", mode=mode, evidence_limit=3), model=real_model)
    agent.ingest([write_csv(tmp_path / "a.csv", *rows)], card=tmp_path / "card.yaml")
    assert agent.store.index() > len(WORDS)
    record = agent.assess("c-1", as_of=date(2026, 3, 1))
    agent.history.dispose()

    assert record.status == "assessed", record.status_reason
    assert 0 < record.churn_probability.value < 1
    assert len(record.provenance.evidence_ids) == 3
    assert record.provenance.model_sha256
    assert record.provenance.prompt_tokens > 0
    texts = {each.id: each.text for each in agent.snapshot("c-1").interactions}
    citations = [citation for reason in record.reasons for citation in reason.citations]
    for citation in citations:
        assert citation.verified
        assert texts[citation.interaction_id][citation.start : citation.end] == citation.quote
        assert find_quote(citation.quote, texts[citation.interaction_id])
    if mode == "read":
        assert citations


_OFFLINE = """
import json, sys
reached = []
def listen(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        reached.append(arguments[1][0])
    elif event == "socket.getaddrinfo":
        reached.append(arguments[0])
sys.addaudithook(listen)
from churn_agent.cli.main import run
codes = [run(command) for command in json.loads(sys.argv[1])]
outside = [str(host) for host in reached if host not in ("127.0.0.1", "::1", "localhost")]
print(json.dumps({"codes": codes, "outside": outside}))
"""


def test_without_a_network_everything_works_and_nothing_is_reached_for(tmp_path, embedder_folder):
    weights.find("qwen2.5-coder-1.5b-instruct", Settings.load().models_dir)
    rows = [f'c-1,2026-02-{n:02},chat,"{text}"' for n, text in enumerate(WORDS, start=1)]
    write_csv(tmp_path / "a.csv", *rows)
    commands = [
        ["ingest", "a.csv"],
        ["index"],
        ["assess", "c-1", "--json"],
        ["assess", "--text", "I am leaving."],
        ["doctor"],
    ]
    program = [sys.executable, "-c", _OFFLINE, json.dumps(commands)]
    unplugged = ["unshare", "--net", "--map-root-user"]
    if (
        shutil.which("unshare")
        and subprocess.run([*unplugged, "true"], check=False, capture_output=True).returncode == 0
    ):
        program = [*unplugged, *program]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"codes": [0, 0, 0, 0, 0], "outside": []}
