"""Whether a record can be judged again as it was made: by the same model, prompt and trained method."""

from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.content.prompts import named
from churn_agent.domain.assessment import Assessment, Provenance
from churn_agent.errors import ChurnAgentError, NotAsMade
from churn_agent.models.base import ModelInfo


def as_made(agent: ChurnAgent, record: Assessment) -> ChurnAgent:
    """The agent that would make a record again: with its mode, prompt, method and seed.

    It shares model and store with the given one, and is not to be closed.

    Raises:
        NotAsMade: the model is another one, or the prompt or the method is not what it was.
        Unavailable: the model cannot be used.
    """
    how, info = record.provenance, agent.model.info
    differences: list[str] = []
    other_model = _other_model(info, how)
    if other_model:
        differences.append(other_model)
    again = with_prompt_of(agent.varied(method=how.method or NO_METHOD, seed=how.seed), how)
    if again is None:
        differences.append(f"the prompt {how.prompt} ({how.prompt_hash}) was changed or is gone")
    elif not differences:
        try:
            _ = again.method
        except ChurnAgentError as error:
            differences.append(f"the method was {how.method}: {error}")
    if again is None or differences:
        whose = f"{record.customer_id} at {record.as_of}"
        raise NotAsMade(f"{whose} cannot be judged again as it was: {'; '.join(differences)}")
    return again


def with_prompt_of(agent: ChurnAgent, how: Provenance) -> ChurnAgent | None:
    """An agent with the mode and the prompt of a record; None if there is no such prompt any more."""
    mode, name = named(how.prompt)
    try:
        other = agent.varied(mode=mode, prompt=name)
        return other if other.prompt.content_hash == how.prompt_hash else None
    except ChurnAgentError:
        return None


def _other_model(info: ModelInfo, how: Provenance) -> str | None:
    """What differs; None for the same model.

    Without the hash of weights, whatever can change an answer must be the same.
    """
    if how.model_id != info.id:
        return f"the model was {how.model_id} and is {info.id} (--model names another)"
    if how.model_sha256 != info.sha256:
        return f"the weights of {info.id} had the SHA-256 {how.model_sha256} and have {info.sha256}"
    if info.sha256 is None and how.model_fingerprint not in (None, info.fingerprint):
        return f"{info.id} was {how.model_fingerprint} and is {info.fingerprint}"
    return None
