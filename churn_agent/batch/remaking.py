"""Recreates the agent that made a record: the same model, prompt and trained method."""

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.content.prompts import named
from churn_agent.domain.assessment import Assessment, Provenance
from churn_agent.errors import ChurnAgentError, NotAsMade
from churn_agent.models.base import ModelInfo


def recreated_agent(agent: ChurnAgent, record: Assessment) -> ChurnAgent:
    """Returns an agent that would make a record again, with its mode, prompt, method and seed.

    It shares the model and the store with `agent`; do not close it.

    Raises:
        NotAsMade: the model, the prompt or the method has changed.
        Unavailable: the model cannot be used.
    """
    how, info = record.provenance, agent.model.info
    differences: list[str] = []
    other_model = _other_model(info, how)
    if other_model:
        differences.append(other_model)
    again = with_prompt_of(agent.varied(method=how.method or NO_METHOD, seed=how.seed), how)
    if again is None:
        differences.append(f"the prompt {how.prompt} ({how.prompt_hash}) was changed or removed")
    elif not other_model and not again.fitted(again.prompt).made(how.prompt_hash, how.thresholds_hash):
        differences.append(f"the thresholds of the prompt {how.prompt} were changed")
    elif not differences:
        try:
            _ = again.method
        except ChurnAgentError as error:
            differences.append(f"the method was {how.method}: {error}")
    if again is None or differences:
        name = f"{record.customer_id} at {record.as_of}"
        raise NotAsMade(f"{name} cannot be assessed again in the same way: {'; '.join(differences)}")
    return again


def with_prompt_of(agent: ChurnAgent, how: Provenance) -> ChurnAgent | None:
    """Returns an agent with the mode and prompt of a record; None if that prompt no longer exists."""
    mode, name = named(how.prompt)
    try:
        other = agent.varied(mode=mode, prompt=name)
        return other if how.prompt_hash in other.prompt.hashes else None
    except ChurnAgentError:
        return None


def _other_model(info: ModelInfo, how: Provenance) -> str | None:
    """Describes the difference; None for the same model. Without a hash of the weights, fingerprints are compared."""
    if how.model_id != info.id:
        return f"the model was {how.model_id} and is now {info.id} (use --model)"
    if how.model_sha256 != info.sha256:
        return f"the weights of {info.id} had the SHA-256 {how.model_sha256} and now have {info.sha256}"
    if info.sha256 is None and how.model_fingerprint not in (None, info.fingerprint):
        return f"{info.id} was {how.model_fingerprint} and is now {info.fingerprint}"
    return None
