"""The limits of time and money of a batch."""

import re
import time
from dataclasses import dataclass, field

from churn_agent.domain import durations
from churn_agent.errors import InputError
from churn_agent.settings import Settings


@dataclass(frozen=True)
class Prices:
    """Prices per million tokens, in any currency."""

    prompt: float = 0.0
    output: float = 0.0

    @classmethod
    def named(cls, settings: Settings) -> "Prices":
        """Returns the prices in the settings."""
        return cls(settings.prompt_price, settings.output_price)

    def of(self, prompt_tokens: float, output_tokens: float) -> float:
        """Returns the price of tokens."""
        return (prompt_tokens * self.prompt + output_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Budget:
    """The most time (seconds) or money; None for no limit."""

    seconds: float | None = None
    money: float | None = None


@dataclass
class Meter:
    """Counts the time and money spent since it was created."""

    budget: Budget
    prices: Prices
    started: float = field(default_factory=time.monotonic)
    money: float = 0.0

    def count(self, prompt_tokens: int, output_tokens: int) -> None:
        """Adds the tokens of an assessment or a screening."""
        self.money += self.prices.of(prompt_tokens, output_tokens)

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        seconds, money = self.budget.seconds, self.budget.money
        late = seconds is not None and time.monotonic() - self.started >= seconds
        return late or (money is not None and self.money >= money)


def parse_budget(text: str, prices: Prices) -> Budget:
    """Reads a duration such as `45m` or `2h`, or an amount of money such as `$5`.

    Raises:
        InputError: the text is neither, or it is money and no price is set.
    """
    if not text.startswith("$"):
        try:
            return Budget(seconds=durations.parse(text).total_seconds())
        except ValueError as error:
            raise InputError(f"cannot use the budget: {error}; money is written as $5") from error
    money = re.fullmatch(r"\$([0-9]+(?:\.[0-9]+)?)", text)
    if not money:
        raise InputError(f"cannot use the budget: {text!r} is not an amount of money such as $5")
    if prices == Prices():
        raise InputError(
            "a money budget needs prices; set CHURN_AGENT_PROMPT_PRICE and CHURN_AGENT_OUTPUT_PRICE to the price per "
            "million tokens"
        )
    return Budget(money=float(money[1]))
