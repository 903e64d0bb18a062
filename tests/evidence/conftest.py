import sys

import pytest

from churn_agent.domain.assessment import Fact
from churn_agent.domain.snapshot import REPORT_LANGUAGES
from churn_agent.reports.language import speaking
from churn_agent.reports.sentences import translated


@pytest.fixture(autouse=True)
def every_fact_can_be_said_in_every_language(monkeypatch):
    """A new sentence of a fact belongs into `reports/sentences.py`, then into the catalogues (`make catalogue`)."""
    texts = set()
    create = Fact.__init__

    def noted(self, **values):
        if sys._getframe(1).f_globals["__name__"].startswith("churn_agent.evidence"):
            texts.add(values["text"])
        create(self, **values)

    monkeypatch.setattr(Fact, "__init__", noted)
    yield
    for code in REPORT_LANGUAGES[1:]:
        with speaking(code):
            assert [text for text in texts if translated(text) == text] == []
