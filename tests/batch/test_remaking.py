"""Whether a record can be judged again as it was made."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.batch.remaking import recreated_agent
from churn_agent.content.prompts import shipped_folder
from churn_agent.errors import InputError, NotAsMade
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings
from tests.conftest import write_csv

DAY = date(2026, 3, 1)
ROWS = ["c-1,2026-01-10,order,1 x tea", "c-1,2026-02-10,chat,It is too dear."]


@pytest.fixture
def store(tmp_path):
    with agent_on(tmp_path / "store") as agent:
        agent.ingest([write_csv(tmp_path / "a.csv", *ROWS)])
    return tmp_path / "store"


@pytest.fixture
def own_prompts(tmp_path):
    """A user's folder with a prompt of their own."""
    folder = tmp_path / "prompts"
    (folder / "explain").mkdir(parents=True)
    shutil.copy(shipped_folder() / "explain" / "direct.yaml", folder / "explain" / "mine.yaml")
    return folder


def agent_on(store, *, info=None, script=None, **settings):
    model = ScriptedModel(script)
    model._info = replace(model.info, **info or {})
    return ChurnAgent(Settings.load(store=store, **settings), model=model)


def a_record(store, **how):
    with agent_on(store, **how) as agent:
        return agent.assess("c-1", as_of=DAY)


def refusal(store, record, **how):
    with agent_on(store, **how) as agent, pytest.raises(NotAsMade) as refused:
        recreated_agent(agent, record)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("c-1 at 2026-03-01 cannot be assessed again in the same way: ")
    return str(refused.value)


def test_an_agent_takes_mode_prompt_method_and_seed_from_the_record(store, own_prompts):
    record = a_record(store, mode="explain", prompt="mine", seed=7, prompts_dir=own_prompts)
    with agent_on(store, prompts_dir=own_prompts, method="boosting") as agent:
        again = recreated_agent(agent, record)
        assert (again.prompt.label, again.prompt.content_hash) == (
            record.provenance.prompt,
            record.provenance.prompt_hash,
        )
        assert (again.settings.seed, again.method) == (7, None)
        assert again.judge([agent.snapshot("c-1", as_of=DAY)])[0].reasons == record.reasons


def test_another_model_is_named(store):
    record = a_record(store, info={"id": "large"})
    assert "the model was large and is now small" in refusal(store, record, info={"id": "small"})


def test_other_weights_under_the_same_name_are_another_model(store):
    record = a_record(store, info={"sha256": "aaaa"})
    assert "had the SHA-256 aaaa and now have bbbb" in refusal(store, record, info={"sha256": "bbbb"})


def test_where_the_weights_are_the_same_another_runtime_is_the_same_model(store):
    record = a_record(store, info={"sha256": "aaaa", "fingerprint": "runtime 1"})
    with agent_on(store, info={"sha256": "aaaa", "fingerprint": "runtime 2"}) as agent:
        assert recreated_agent(agent, record).prompt.label == record.provenance.prompt


def test_a_model_without_known_weights_is_known_by_its_fingerprint(store):
    record = a_record(store, info={"id": "openai:m", "fingerprint": "openai here m"})
    other = {"id": "openai:m", "fingerprint": "openai there m"}
    assert "was openai here m and is now openai there m" in refusal(store, record, info=other)
    how = record.provenance.model_copy(update={"model_fingerprint": None})  # as earlier versions wrote it
    with agent_on(store, info=other) as agent:
        recreated_agent(agent, record.model_copy(update={"provenance": how}))


def test_a_prompt_that_was_changed_or_is_gone_is_named(store, own_prompts):
    record = a_record(store, mode="explain", prompt="mine", prompts_dir=own_prompts)
    said = f"the prompt explain/mine@1 ({record.provenance.prompt_hash}) was changed or removed"
    path = own_prompts / "explain" / "mine.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("You invent nothing", "Invent nothing", 1), encoding="utf-8"
    )
    assert said in refusal(store, record, prompts_dir=own_prompts)
    path.write_text("version: [", encoding="utf-8")
    assert said in refusal(store, record, prompts_dir=own_prompts)
    path.unlink()
    assert said in refusal(store, record, prompts_dir=own_prompts)
    both = refusal(store, record, info={"id": "small"})
    assert said in both
    assert "and is now small" in both


def test_a_method_that_is_gone_is_named(store):
    record = a_record(store)
    how = record.provenance.model_copy(update={"method": "boosting-1"})
    gone = record.model_copy(update={"provenance": how})
    assert "the method was boosting-1: no trained method 'boosting-1'" in refusal(store, gone)


def by_version_0_1_0(record, prompt_hash):
    """The record as that version wrote it: thresholds were a part of the prompt's hash."""
    how = record.provenance.model_copy(update={"prompt_hash": prompt_hash, "thresholds_hash": None})
    return record.model_copy(update={"provenance": how})


def test_a_record_of_an_earlier_version_is_made_again_and_its_file_is_continued(store, tmp_path):
    from churn_agent.batch.running import BatchSpec, run_batch

    old = by_version_0_1_0(a_record(store), "d640cf98214f8dcb")
    path = tmp_path / "book.jsonl"
    path.write_text(old.model_dump_json() + "\n", encoding="utf-8")
    with agent_on(store) as agent:
        assert recreated_agent(agent, old).prompt.label == old.provenance.prompt
        assert run_batch(agent, path, BatchSpec(as_of=DAY)).already_done == 1
    path.write_text(by_version_0_1_0(old, "0123456789abcdef").model_dump_json() + "\n", encoding="utf-8")
    with agent_on(store) as agent, pytest.raises(InputError, match="another date"):
        run_batch(agent, path, BatchSpec(as_of=DAY))


def test_other_thresholds_are_named(store):
    record = a_record(store)
    how = record.provenance.model_copy(update={"thresholds_hash": "0123456789abcdef"})
    changed = refusal(store, record.model_copy(update={"provenance": how}))
    assert "the thresholds of the prompt read/words@4 were changed" in changed
