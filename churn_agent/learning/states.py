"""The state of fitted estimators as data: numbers, words and names, but no code.

An estimator is created again by its method and gets its numbers back. For scikit-learn's estimators, the state contains
only documented attributes or the data to refit them on, so that it works with other versions of the library.
"""
# scikit-learn has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import json
from collections.abc import Mapping
from functools import singledispatch
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from churn_agent.files import strict_json

State = dict[str, Any]
"""Names -> arrays, strings, numbers, booleans, None, and lists and states of these."""
_FORMAT = 1
_ARRAY = "array"
_META = "churn-agent"
_KINDS = frozenset("biuf")
"""Kinds of arrays: booleans, integers and floats."""


class DamagedState(ValueError):
    """A file does not contain the state of its estimator."""


@runtime_checkable
class Stateful(Protocol):
    """An estimator of this package."""

    def state(self) -> State:
        """The learned state."""
        ...

    def restore(self, state: State) -> None:
        """Replaces `fit`."""
        ...


class Remembered:
    """Gives an estimator a state that consists of the attributes in `learned`."""

    learned: tuple[str, ...] = ()

    def state(self) -> State:
        """The learned state, as data."""
        return {name: getattr(self, name) for name in self.learned}

    def restore(self, state: State) -> None:
        """Sets the state from the result of `state`."""
        for name in self.learned:
            setattr(self, name, state[name])
        self.classes_ = np.array([False, True])


def state_of(estimator: Any) -> State:
    """The state of a fitted estimator. Raises `TypeError` for an unknown kind."""
    return estimator.state() if isinstance(estimator, Stateful) else _state(estimator)


def restore(estimator: Any, state: State) -> Any:
    """Sets the state of an unfitted estimator and returns it.

    Raises:
        DamagedState: the state is not one of such an estimator.
    """
    try:
        if isinstance(estimator, Stateful):
            estimator.restore(state)
        else:
            _restore(estimator, state)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DamagedState(f"not a state of {type(estimator).__name__}: {error}") from error
    return estimator


# --- files


def to_bytes(state: State) -> bytes:
    """The content of a safetensors file: arrays as tensors, the rest as JSON in its header."""
    from safetensors.numpy import save

    arrays: dict[str, Any] = {}
    header = json.dumps({"format": _FORMAT, "state": _without_arrays(state, "state", arrays)})
    return save(arrays, {_META: header})


def from_bytes(data: bytes) -> State:
    """The state in a file. Content of the file is never run.

    Raises:
        DamagedState: the file was not written by `to_bytes`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        header = strict_json.parse(strict_json.parse(data[8 : 8 + size])["__metadata__"][_META])
        if header["format"] != _FORMAT:
            raise DamagedState(f"the file has format {header['format']!r}, not {_FORMAT}")
        return _with_arrays(header["state"], arrays)
    except DamagedState:
        raise
    except (SafetensorError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise DamagedState(f"not a file of numbers: {error}") from error


def _without_arrays(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """The value with each array moved to `arrays` and replaced by its name there."""
    match value:
        case np.ndarray() if value.dtype.kind in _KINDS:
            arrays[name] = np.ascontiguousarray(value)
            return {_ARRAY: name}
        case np.generic() if value.dtype.kind in _KINDS:
            return value.item()
        case dict():
            state = cast("dict[str, Any]", value)
            return {key: _without_arrays(part, f"{name}/{key}", arrays) for key, part in state.items()}
        case list() | tuple():
            items = cast("list[Any]", value)
            return [_without_arrays(item, f"{name}/{i}", arrays) for i, item in enumerate(items)]
        case None | str() | bool() | int() | float():
            return value
        case _:
            raise TypeError(f"{name} is of type {type(value).__name__}, which is not data")


def _with_arrays(value: Any, arrays: Mapping[str, Any]) -> Any:
    match value:
        case dict() if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        case dict():
            return {key: _with_arrays(item, arrays) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_with_arrays(item, arrays) for item in cast("list[Any]", value)]
        case _:
            return value


# --- scikit-learn's estimators


@singledispatch
def _state(estimator: Any) -> State:
    raise TypeError(f"{type(estimator).__name__} cannot be stored as data")


@singledispatch
def _restore(estimator: Any, state: State) -> None:
    raise TypeError(f"{type(estimator).__name__} cannot be stored as data")


def _parts(estimator: Pipeline | FeatureUnion) -> list[tuple[str, Any]]:
    return estimator.steps if isinstance(estimator, Pipeline) else estimator.transformer_list


@_state.register(Pipeline)
@_state.register(FeatureUnion)
def _(estimator: Any) -> State:
    return {name: state_of(part) for name, part in _parts(estimator)}


@_restore.register(Pipeline)
@_restore.register(FeatureUnion)
def _(estimator: Any, state: State) -> None:
    for name, part in _parts(estimator):
        restore(part, state[name])


@_state.register
def _(estimator: FunctionTransformer) -> State:
    """It learns nothing, and its function is the method's."""
    return {}


@_restore.register
def _(estimator: FunctionTransformer, state: State) -> None:
    pass


@_state.register
def _(estimator: StandardScaler) -> State:
    return {"mean": estimator.mean_, "scale": estimator.scale_}


@_restore.register
def _(estimator: StandardScaler, state: State) -> None:
    estimator.mean_, estimator.scale_ = state["mean"], state["scale"]


@_state.register
def _(estimator: LogisticRegression) -> State:
    return {"coef": estimator.coef_, "intercept": estimator.intercept_, "classes": estimator.classes_}


@_restore.register
def _(estimator: LogisticRegression, state: State) -> None:
    estimator.coef_, estimator.intercept_, estimator.classes_ = state["coef"], state["intercept"], state["classes"]


@_state.register
def _(estimator: SimpleImputer) -> State:
    return {"statistics": estimator.statistics_}


@_restore.register
def _(estimator: SimpleImputer, state: State) -> None:
    estimator.fit(state["statistics"][None, :])  # the medians of one row are its numbers


@_state.register
def _(estimator: DictVectorizer) -> State:
    return {"names": list(estimator.feature_names_)}


@_restore.register
def _(estimator: DictVectorizer, state: State) -> None:
    estimator.feature_names_ = _texts(state["names"])
    estimator.vocabulary_ = {name: i for i, name in enumerate(estimator.feature_names_)}


@_state.register
def _(estimator: TfidfVectorizer) -> State:
    terms = sorted(estimator.vocabulary_, key=estimator.vocabulary_.__getitem__)
    return {"terms": terms, "idf": estimator.idf_}


@_restore.register
def _(estimator: TfidfVectorizer, state: State) -> None:
    estimator.vocabulary = _texts(state["terms"])
    estimator.idf_ = state["idf"]


def _texts(values: Any) -> list[str]:
    """Raises `TypeError` for anything but a list of strings."""
    if not isinstance(values, list) or not all(isinstance(text, str) for text in cast("list[Any]", values)):
        raise TypeError("not a list of strings")
    return cast("list[str]", values)
