"""Thresholds: beside the prompt, for one model, and measured here."""

from dataclasses import replace
from datetime import date

import pytest

from churn_agent.content import fitted_thresholds
from churn_agent.content.prompts import list_prompts, load_prompt, shipped_folder
from churn_agent.content.thresholds import Fit, MeasuredOn, SetUsed
from churn_agent.errors import FileFormatError
from churn_agent.models.catalogue import catalogue
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings

DEFAULT = catalogue()[Settings.model_fields["model"].default].files[0].sha256
HASHES_OF_0_1_0 = {
    "ask/ensemble": "adf4db68c8b99458",
    "ask/few_shot": "1d51ba0615ebe246",
    "ask/lettered": "cc8804fc722b18b0",
    "ask/negated": "f6b1d462f5907723",
    "ask/rotated": "1661e3152e968293",
    "ask/scale": "d2166c08e4a9d2c5",
    "ask/yes_no": "9a3611515179ee78",
    "explain/direct": "31ccf7fe29b07892",
    "explain/few_shot": "1fed8c0a053f150c",
    "explain/reasoned": "3aa08c8d5a3d9c80",
    "read/direct": "12736bb2caba0f1f",
    "read/few_shot": "5d413fc984974a99",
    "read/reasoned": "9911f8b81fc94ba9",
    "read/words": "d640cf98214f8dcb",
    "read/words_reworded": "ad915a8f5edea673",
}
"""As that version computed them, when thresholds were a part of prompts."""
PROMPT = load_prompt("read", "words")


def model(sha256=None, fingerprint="some model"):
    return replace(ScriptedModel().info, stand_in=False, sha256=sha256, fingerprint=fingerprint)


def measured(values=PROMPT.thresholds, prompt=PROMPT):
    on = MeasuredOn(sets=(SetUsed(name="switching", n=9),), version="0", date=date(2026, 1, 2), command="models fit")
    return Fit(model="m", fingerprint="some model", prompt_hash=prompt.content_hash, measured_on=on, values=values)


@pytest.mark.parametrize(("label", "before"), HASHES_OF_0_1_0.items())
def test_records_of_an_earlier_version_are_of_the_same_prompt(label, before):
    prompt = load_prompt(*label.split("/"))
    assert before in prompt.hashes
    assert prompt.identity == before
    assert prompt.made(before, None)
    assert prompt.made(prompt.content_hash, prompt.thresholds_hash)


def test_with_other_thresholds_a_prompt_asks_the_same_and_makes_other_records():
    other = PROMPT.model_copy(update={"thresholds": PROMPT.thresholds.model_copy(update={"silent": 0.5})})
    assert other.content_hash == PROMPT.content_hash
    assert other.hashes == PROMPT.hashes
    assert other.identity != PROMPT.identity
    assert not other.made(HASHES_OF_0_1_0["read/words"], None)
    assert not other.made(PROMPT.content_hash, PROMPT.thresholds_hash)


def test_a_changed_copy_of_a_prompt_has_no_earlier_hashes(tmp_path):
    (tmp_path / "read").mkdir()
    text = (shipped_folder() / "read" / "words.yaml").read_text(encoding="utf-8")
    (tmp_path / "read" / "words.yaml").write_text(text.replace("You answer Yes or No", "Answer Yes or No"))
    changed = load_prompt("read", "words", folder=tmp_path)
    assert changed.earlier
    assert changed.hashes == {changed.content_hash} != {PROMPT.content_hash}


def test_shipped_thresholds_are_for_the_shipped_prompts_and_the_default_model():
    prompts = [load_prompt(*each) for each in list_prompts()]
    with_thresholds = [prompt for prompt in prompts if prompt.has_thresholds]
    assert len(with_thresholds) == 5
    for prompt in with_thresholds:
        assert fitted_thresholds.shipped_fit(prompt, DEFAULT), prompt.label
    assert PROMPT.fits[0].measured_on


def test_the_default_model_and_stand_ins_are_fitted_and_others_are_not(tmp_path):
    assert fitted_thresholds.for_model(PROMPT, ScriptedModel().info, tmp_path).fitted
    assert fitted_thresholds.for_model(PROMPT, model(DEFAULT, "on whatever engine"), tmp_path).fitted
    other = fitted_thresholds.for_model(PROMPT, model("0" * 64), tmp_path)
    assert (other.fitted, other.thresholds) == (False, PROMPT.thresholds)
    assert not fitted_thresholds.for_model(PROMPT, model(None), tmp_path).fitted
    assert fitted_thresholds.for_model(load_prompt("ask"), model(None), tmp_path).fitted  # it has no thresholds


def test_kept_thresholds_hold_for_their_model_and_prompt_alone(tmp_path):
    values = PROMPT.thresholds.model_copy(update={"neutral_leaning": -0.5})
    fitted_thresholds.keep_fit(measured(values), PROMPT, tmp_path)
    used = fitted_thresholds.for_model(PROMPT, model(), tmp_path)
    assert (used.fitted, used.thresholds) == (True, values)
    assert not fitted_thresholds.for_model(PROMPT, model(fingerprint="another model"), tmp_path).fitted
    assert not fitted_thresholds.for_model(load_prompt("read", "few_shot"), model(), tmp_path).fitted
    assert [fit.model for fit in fitted_thresholds.kept_fits(PROMPT, tmp_path)] == ["m"]


def test_a_damaged_file_of_kept_thresholds_counts_as_none(tmp_path):
    path = fitted_thresholds.keep_fit(measured(), PROMPT, tmp_path)
    path.write_text(path.read_text()[:-20])
    assert not fitted_thresholds.for_model(PROMPT, model(), tmp_path).fitted
    assert fitted_thresholds.kept_fits(PROMPT, tmp_path) == []


@pytest.mark.parametrize("change", [{"neutral_leaning": 1.0}, {"silent": 1.5}, {"closes": float("inf")}])
def test_thresholds_that_cannot_be_are_refused(change):
    values = PROMPT.thresholds
    with pytest.raises(ValueError, match=r"must not decrease|less than or equal|finite"):
        type(values).model_validate(values.model_dump() | change)


@pytest.mark.parametrize("part", ["choice: {nothing: none, least: 0.3}", "check: {system: s, least: 0.9}"])
def test_thresholds_inside_a_prompt_are_sent_to_their_own_file(tmp_path, part):
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "mine.yaml").write_text(f"version: 1\ntries: t\nsystem: s\nuser: u\n{part}\n")
    with pytest.raises(FileFormatError, match=r"mine\.yaml:5: .*move 'least' to NAME\.thresholds\.yaml"):
        load_prompt("read", "mine", folder=tmp_path)
