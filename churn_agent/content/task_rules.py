"""The rules for risk items: when one is opened, by when it is due, and the codes of people's decisions."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from churn_agent.content.conditions import Condition, Kind, Value, parse
from churn_agent.content.folders import own_or_shipped
from churn_agent.content.playbook import ATTRIBUTE
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.assessment import FACT_NAMES, Band
from churn_agent.errors import InputError
from churn_agent.files import strict_yaml

FILE = "tasks.yaml"
Decision = Literal["override", "saved", "lost", "accepted", "false alarm"]
"""What a code is given with: another view of the risk, or a state that closes an item."""
_NUMBERS = ("number", "value", "notice_given", "promise_overdue")
OF_PEOPLE = frozenset({"people_left", "single_thread", "decision_maker_silence", "champion_silence"})
"""Values that come from reading who writes and who has left; they are only computed where a rule depends on them."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskRule(_Part):
    """A rule that opens a risk item."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    says: str
    """A sentence for readers."""
    when: str

    @cached_property
    def condition(self) -> Condition:
        """The parsed `when`."""
        return parse(self.when)


class TaskRules(_Part):
    """All rules."""

    version: int
    rules: Annotated[tuple[TaskRule, ...], Field(min_length=1)]
    due_days: Mapping[Band, Annotated[int, Field(ge=0, le=365)]]
    """Band -> working days until an item is due; that of `low` also counts without a band."""
    codes: Mapping[Decision, Annotated[tuple[str, ...], Field(min_length=1)]]

    @field_validator("due_days", "codes")
    @classmethod
    def _is_complete(cls, value: Mapping[str, Any], info: Any) -> Mapping[str, Any]:
        missing = [name for name in get_args(Band if info.field_name == "due_days" else Decision) if name not in value]
        if missing:
            raise ValueError(f"{missing[0]!r} is missing")
        return value

    @model_validator(mode="after")
    def _has_usable_rules(self, info: Any) -> "TaskRules":
        twice = [id_ for id_, n in Counter(rule.id for rule in self.rules).items() if n > 1]
        if twice:
            raise ValueError(f"two rules have the id {twice[0]!r}")
        signals: tuple[str, ...] = info.context or tuple(load_taxonomy().by_id)
        kinds: dict[str, Kind] = dict.fromkeys((*FACT_NAMES, *signals, *_NUMBERS, *OF_PEOPLE), "number")
        for rule in self.rules:
            try:
                rule.condition.check({**kinds, "band": "text", "domain": "text"}, beside=ATTRIBUTE)
            except InputError as error:
                raise ValueError(f"rule {rule.id!r}: {error}") from error
            for name, value in rule.condition.compared:
                if name == "band" and value not in get_args(Band):
                    raise ValueError(f"rule {rule.id!r}: {value!r} is not a band; use {', '.join(get_args(Band))}")
        return self

    @cached_property
    def by_id(self) -> dict[str, TaskRule]:
        """Id -> rule."""
        return {rule.id: rule for rule in self.rules}

    def true_for(self, known: Mapping[str, Value]) -> tuple[str, ...]:
        """Returns the ids of the rules that are true for known values, in the order of the file."""
        return tuple(rule.id for rule in self.rules if rule.condition.holds(known))

    def asks_for_people(self, known: Mapping[str, Value]) -> bool:
        """Whether a rule depends on values of people (`OF_PEOPLE`) that are not known yet."""
        return any(
            OF_PEOPLE.intersection(name for name, _ in rule.condition.compared) and rule.condition.holds(known) is None
            for rule in self.rules
        )

    def says(self, rule_id: str) -> str:
        """Returns the sentence of a rule; its id if the file no longer has it."""
        rule = self.by_id.get(rule_id)
        return rule.says if rule else rule_id.replace("_", " ")

    def require_code(self, decision: Decision, code: str | None) -> str:
        """Returns the code of a decision. Raises `InputError` if it is missing or is not one of the decision's."""
        if code in self.codes[decision]:
            assert code is not None
            return code
        problem = f"{code!r} is not a code" if code else "a code is needed"
        raise InputError(f"{problem} for {decision!r}; use one of: {', '.join(self.codes[decision])}")


def load_task_rules(folder: Path | None = None) -> TaskRules:
    """Returns the rules of `tasks.yaml`: that of the user's own prompts if there is one, else the shipped one.

    Raises:
        FileFormatError: the file is not valid, or a condition in it is invalid or uses an unknown name.
    """
    signals = tuple(load_taxonomy(folder).by_id)
    return strict_yaml.load(own_or_shipped(FILE, folder), TaskRules, context=signals)
