"""Cases for the tests of the modes."""

from churn_agent.content.playbook import load_playbook
from churn_agent.domain.snapshot import Card
from churn_agent.elicitation.base import Case
from churn_agent.evidence import facts, retrieval
from churn_agent.evidence.sessions import Piece
from churn_agent.scoring.actions import eligible
from tests.conftest import interaction, snapshot


def case(*texts, company="Acme", companies=(), competitors=()):
    """A customer who wrote these texts, a day between them."""
    rows = [interaction(n, days_ago=len(texts) - n, text=text, direction="inbound") for n, text in enumerate(texts)]
    taken = snapshot(*rows, card=Card(company=company, competitors=tuple(competitors)))
    pack = retrieval.retrieve(taken, list(map(Piece.of, rows)), {}, limit=20, token_budget=1000, count_tokens=len)
    known = facts.compute(taken)
    return Case(
        taken, known, pack, tuple(eligible(load_playbook(), taken, known, None)), frozenset({*companies, *competitors})
    )
