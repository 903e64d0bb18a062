"""The accounts of the demo company: their simulation (`life`), an example, and the card of the book."""

import random
from collections.abc import Iterable, Iterator
from datetime import date

from churn_agent.demo.letters import load
from churn_agent.demo.life import Account
from churn_agent.demo.state import AS_OF, END, GOOD_NEWS, HORIZON_DAYS, TROUBLES, DemoCustomer

_LATELY_DAYS = 21
_CARE_EVERY, _CARE_AT = 200, 60
"""In one account in two hundred somebody has died."""


def simulate(n: int, *, seed: int) -> Iterator[DemoCustomer]:
    """Yields `n` accounts; the same seed gives the same book, and a larger one begins alike."""
    number = 0
    for attempt in range(n * 20):
        rng = random.Random(f"{seed}/accounts/{attempt}")  # noqa: S311 - a simulation, not a secret
        customer = Account(f"c-{number + 101}", rng, bereaved=number % _CARE_EVERY == _CARE_AT).live()
        if customer is not None:
            number += 1
            yield customer
        if number == n:
            return


def example(customers: Iterable[DemoCustomer]) -> str:
    """Returns the id of an account whose assessment shows many parts of the tool.

    It writes in English, has many different troubles and some good news of late, falling usage, and a renewal ahead;
    and nothing about it is settled yet: no notice, no death.

    Args:
        customers: the accounts of the book, at least one.
    """

    def worth(customer: DemoCustomer) -> tuple[float, ...]:
        messages = [event for event in customer.events if event.theme]
        lately = [event.theme for event in messages if (END - event.at).days < HORIZON_DAYS]
        unsettled = customer.notice_on is None and not {"notice", "care"} & {event.theme for event in messages}
        fits = customer.language == "en" and unsettled and 5 <= len(messages) <= 14
        fits = fits and (END - messages[-1].at).days < _LATELY_DAYS
        troubles = [theme for theme in lately if theme in TROUBLES or theme == "contact_left"]
        good = bool(GOOD_NEWS & set(lately))
        logins = [week.values["logins"] for week in customer.measurements]
        falls = sum(logins[-4:]) < 0.75 * sum(logins[-16:-4]) / 3
        near = 20 <= (date.fromisoformat(customer.attributes["renewal_date"]) - AS_OF).days <= 150
        return fits, good, 2 * len(set(troubles)) + falls + near, len(troubles)

    return max(customers, key=worth).customer_id  # the first of equals


def card() -> dict[str, object]:
    """Returns the card of the book, without the fields that all domains share."""
    texts = load()
    return {
        "company": texts.company,
        "competitors": list(texts.rivals),
        "domain": texts.domain,
        "churn_means": texts.churn_means,
        "value_attribute": "monthly_value",
        "value_period": "month",
        "record_channels": ["newsletter"],
    }
