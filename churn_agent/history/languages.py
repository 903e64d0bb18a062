"""The languages of customers."""

from collections.abc import Callable

from sqlalchemy import Engine, func, select

from churn_agent.history.tables import interactions as table


def main_languages(engine: Engine, *, holds_words: Callable[[str], bool]) -> dict[str, str]:
    """Returns customer -> ISO 639-1 code of the language of most of their own messages, if it is known.

    Args:
        engine: database of the history.
        holds_words: whether texts in a channel are by people.
    """
    query = (
        select(table.c.customer_id, table.c.channel, table.c.language, func.count())
        .where(table.c.language.is_not(None), table.c.speaker == "customer", table.c.text != "")
        .group_by(table.c.customer_id, table.c.channel, table.c.language)
    )
    counts: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for customer_id, channel, language, n in connection.execute(query):
            if holds_words(channel):
                of_customer = counts.setdefault(customer_id, {})
                of_customer[language] = of_customer.get(language, 0) + n
    return {id_: max(sorted(of), key=lambda name: of[name]) for id_, of in counts.items()}
