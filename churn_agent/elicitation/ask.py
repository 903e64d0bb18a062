"""Mode `ask`: questions over the whole context, answered by the log-probabilities of their labels."""

from collections.abc import Sequence

import numpy as np

from churn_agent.content.prompts import PromptTemplate, fill
from churn_agent.elicitation.base import Case, Elicitation, failure_of, variables
from churn_agent.models.base import ChatModel, Question, ScoreRequest


def ask(cases: Sequence[Case], model: ChatModel, prompt: PromptTemplate) -> list[Elicitation]:
    """The log-odds of churn for each case: the mean over the prompt's questions."""
    elicitations = [Elicitation(evidence=case.pack.evidence) for case in cases]
    requests: list[ScoreRequest] = []
    for i, case in enumerate(cases):
        values = variables(case, case.pack.evidence)
        questions = tuple(Question(q.id, fill(q.text, values), q.labels) for q in prompt.questions)
        requests.append(ScoreRequest(str(i), prompt.shared(values), fill(prompt.user, values), questions))
    for result in model.score_labels(requests):
        elicitation = elicitations[int(result.id)]
        elicitation.count(result.usage)
        error = failure_of(result)
        if error:
            elicitation.failure = str(error)
            continue
        odds: list[float] = []
        for question in prompt.questions:
            scores = result.log_probabilities[question.id]
            churn = np.logaddexp.reduce([scores[label] for label in question.churn])
            stay = np.logaddexp.reduce([scores[label] for label in question.stay])
            odds.append(float(churn - stay))
        elicitation.log_odds = sum(odds) / len(odds)
    return elicitations
