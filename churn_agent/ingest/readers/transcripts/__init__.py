"""Reads transcripts of calls: who of the speakers is ours, and what each of them said."""

from churn_agent.ingest.readers.transcripts.documents import is_transcript
from churn_agent.ingest.readers.transcripts.plain import is_plain_transcript
from churn_agent.ingest.readers.transcripts.reading import read_transcript
from churn_agent.ingest.readers.transcripts.survey import SpeakerSurvey, survey_speakers

__all__ = ["SpeakerSurvey", "is_plain_transcript", "is_transcript", "read_transcript", "survey_speakers"]
