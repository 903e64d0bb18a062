import pytest
from pydantic import BaseModel, ConfigDict

from churn_agent.errors import FileFormatError
from churn_agent.files import strict_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    parts: list[Inner] = []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\ncolour: red\n", ":2: colour: unknown key"),
        ("name: a\npart: []\n", ":2: part: unknown key; did you mean parts?"),
        ("name: a\nparts:\n  - size: 1\n  - size: big\n", ":4: parts.1.size: Input should be a valid integer"),
        ("parts: []\n", ":1: name: Field required"),
        ("name: [\n", ":2: invalid YAML"),
        ("- 1\n", "the whole file"),
        ("name: a\nparts:\n  - &base {size: 1}\n  - <<: *base\n    size: small\n", ":5: parts.1.size"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path, text, said):
    path = tmp_path / "some.yaml"
    path.write_text(text)

    with pytest.raises(FileFormatError) as caught:
        strict_yaml.load(path, Outer)

    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 2000, "nest"),  # PyYAML's own parser and libyaml say it in other words
        ("a: " + "[" * 900 + "]" * 900, "nested too deeply"),
        ("a: &a [*a]", "nested too deeply"),
        (LAUGHS, "expands to more than 100000 values; use fewer aliases"),
        (LAUGHS.replace("[", "{k: [").replace("]", "]}"), "expands to more than 100000 values"),
        ("a: 2026-13-45", "a value cannot be read (month must be in 1..12)"),
        ("a: " + "9" * 5000, "a value cannot be read"),
        ("a: !!int ''", "a value cannot be read"),
        ("a: !!timestamp x", "a value cannot be read"),
        ("a: !!bool x", "a value cannot be read"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_what_no_honest_file_holds_is_one_line(tmp_path, text, said):
    path = tmp_path / "some.yaml"
    path.write_text(text)

    with pytest.raises(FileFormatError) as caught:
        strict_yaml.load(path, Anything)

    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_few_aliases_and_merges_are_read(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}\n")
    assert strict_yaml.load(path, Anything).model_dump() == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}


def test_a_missing_file_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileFormatError, match="cannot read"):
        strict_yaml.load(tmp_path / "none.yaml", Outer)
