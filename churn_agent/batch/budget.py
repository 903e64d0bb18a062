"""How much of a batch may be done now."""

import re
import time
from dataclasses import dataclass, field

from churn_agent.errors import InputError
from churn_agent.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, in any currency."""

    prompt: float = 0.0
    output: float = 0.0

    @classmethod
    def named(cls, settings: Settings) -> "Prices":
        """Those that the settings name."""
        return cls(settings.prompt_price, settings.output_price)

    def of(self, prompt_tokens: float, output_tokens: float) -> float:
        """What tokens cost."""
        return (prompt_tokens * self.prompt + output_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Budget:
    """Most time or money; None is no limit."""

    seconds: float | None = None
    money: float | None = None


@dataclass
class Meter:
    """Counts what is spent from its making on."""

    budget: Budget
    prices: Prices
    started: float = field(default_factory=time.monotonic)
    money: float = 0.0

    def count(self, prompt_tokens: int, output_tokens: int) -> None:
        """Adds what an assessment or a screening took."""
        self.money += self.prices.of(prompt_tokens, output_tokens)

    @property
    def spent(self) -> bool:
        """Whether nothing more may be begun."""
        seconds, money = self.budget.seconds, self.budget.money
        late = seconds is not None and time.monotonic() - self.started >= seconds
        return late or (money is not None and self.money >= money)


def parse_budget(text: str, prices: Prices) -> Budget:
    """`45m`, `2h`, `90s` or `$5`.

    Raises:
        InputError: it is neither, or it is money and no price is known.
    """
    time_ = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if time_:
        return Budget(seconds=float(time_[1]) * _UNITS[time_[2]])
    money = re.fullmatch(r"\$(\d+(?:\.\d+)?)", text)
    if not money:
        raise InputError(f"{text!r} is no budget; give a time such as 45m or 2h, or money such as $5")
    if prices == Prices():
        raise InputError(
            "a budget of money needs prices: set CHURN_AGENT_PROMPT_PRICE and CHURN_AGENT_OUTPUT_PRICE, of a million "
            "tokens each"
        )
    return Budget(money=float(money[1]))
