"""Reads mailboxes and mails: who wrote to whom, who is the customer, and what a machine sent."""

from churn_agent.ingest.readers.mail.own import OwnGuess, OwnSurvey, guess_own, survey_own
from churn_agent.ingest.readers.mail.reading import read_mail

__all__ = ["OwnGuess", "OwnSurvey", "guess_own", "read_mail", "survey_own"]
