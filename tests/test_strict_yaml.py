import pytest
from pydantic import BaseModel, ConfigDict

from churn_agent import strict_yaml
from churn_agent.errors import FileFormatError


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
        ("name: a\nparts:\n  - size: 1\n  - size: big\n", ":4: parts.1.size: Input should be a valid integer"),
        ("parts: []\n", ":1: name: Field required"),
        ("name: [\n", ":2: no valid YAML"),
        ("- 1\n", "the whole file"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path, text, said):
    path = tmp_path / "some.yaml"
    path.write_text(text)

    with pytest.raises(FileFormatError) as caught:
        strict_yaml.load(path, Outer)

    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_missing_file_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileFormatError, match="cannot read"):
        strict_yaml.load(tmp_path / "none.yaml", Outer)
