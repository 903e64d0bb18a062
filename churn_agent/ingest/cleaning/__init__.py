"""Restores texts as people wrote them. What others wrote is marked, not deleted, and the original is kept.

Customer ids are never changed.
"""

from churn_agent.ingest.cleaning.cleaner import Cleaned, Cleaner
from churn_agent.ingest.cleaning.language import LANGUAGES, languages_of

__all__ = ["LANGUAGES", "Cleaned", "Cleaner", "languages_of"]
