"""Work that all customers and books share, done once per machine: at `models pull`, not at the first assessment.

Mode `read` asks about neutral words too (contextual calibration), and its proposals share a long prefix. The answers
are stored beside the weights (`models.common_answers`), the evaluated prefix in `prefixes/`.
"""

from collections.abc import Callable

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.choose import choose
from churn_agent.elicitation.confirm import Reading, neutral_requests
from churn_agent.models.common_answers import with_common_answers
from churn_agent.models.opening import is_local, open_model
from churn_agent.settings import Settings


def warm(
    settings: Settings,
    *,
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Asks a local model for missing answers that all stores share.

    Args:
        settings: of the model and the prompt.
        notify: called with a line of text for the user.
        progress: called with the number of answered requests and their total.

    Returns:
        Number of new answers: 0 if all were cached, if the prompt needs none, and for an API.

    Raises:
        Unavailable: the model cannot be used.
        InputError, FileFormatError: the prompt cannot be used.
    """
    prompt = load_prompt(settings.mode, settings.prompt, folder=settings.prompts_dir)
    taxonomy = load_taxonomy(settings.prompts_dir)
    if prompt.check is None or not is_local(settings):
        return 0
    requests = neutral_requests(taxonomy.by_id, prompt.check, taxonomy)
    model = with_common_answers(open_model(settings, notify=notify), settings.models_dir)
    try:
        asked = 0
        for done, result in enumerate(model.score_labels(requests), start=1):
            asked += not result.usage.cached
            progress(done, len(requests))
        if asked and prompt.choice:
            choose({0: Reading("", prompt.check.neutral[0])}, model, prompt, taxonomy)
    finally:
        model.close()
    return asked
