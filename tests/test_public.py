"""The public interface: its names, its documentation, and what importing it costs."""

import inspect
import subprocess
import sys

import pytest

import churn_agent

NAMES = {
    *("Assessment", "ChurnProbability", "Citation", "Fact", "Provenance", "Reason", "RetentionAction", "Signal"),
    *("Card", "ChatModel", "ChurnAgent", "Settings", "Store"),
    *("ChurnAgentError", "DataError", "InputError", "ModelCallError", "Unavailable", "ImportOptions"),
    *("BatchSpec", "BatchSummary", "run_batch", "to_dataframe", "write_reports"),
    *("compare", "run_suite"),
}
HEAVY = "alembic chromadb click httpx llama_cpp matplotlib numpy openai pandas pydantic scipy sklearn sqlalchemy torch"


def test_the_public_names_are_these():
    assert set(churn_agent.__all__) == NAMES
    assert churn_agent.__all__ == sorted(NAMES)
    assert set(dir(churn_agent)) >= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_public_name_is_there_under_its_own_name_and_documented(name):
    thing = getattr(churn_agent, name)
    assert thing.__name__ == name
    assert thing.__doc__
    for attribute, member in vars(thing).items() if inspect.isclass(thing) else ():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and not attribute.startswith("_") and function.__module__ == thing.__module__:
            assert function.__doc__, f"{name}.{attribute}"


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys; import churn_agent; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded & set(HEAVY.split()) == set()
    assert {name for name in loaded if name.startswith("churn_agent")} == {"churn_agent"}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        churn_agent.Nothing  # noqa: B018 - the access is the test
