"""The rules for care: `care.yaml` in the user's own prompts, else the shipped one."""

from pathlib import Path

from churn_agent.content.folders import own_or_shipped
from churn_agent.evidence.care import CareRules
from churn_agent.files import strict_yaml


def load_care(folder: Path | None = None) -> CareRules:
    """Loads the rules for care.

    Args:
        folder: of the user's own prompts.

    Raises:
        FileFormatError: the file is not valid; the message names file, line and key.
    """
    return strict_yaml.load(own_or_shipped("care.yaml", folder), CareRules)
