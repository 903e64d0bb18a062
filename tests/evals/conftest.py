"""A small labelled set on disk."""

import shutil
from pathlib import Path

import pytest
import yaml

from churn_agent.evals import run_suite
from churn_agent.index.embedder import Embedder
from churn_agent.measuring import metrics
from churn_agent.settings import Settings
from tests.index.letters import Letters

SUITE = {
    "sets": ["book"],
    "ways": [{"mode": "read", "models": ["scripted"]}, {"mode": "ask", "models": ["scripted"], "limit": 40}],
    "baselines": ["prior", "recency", "rfm", "tfidf", "boosting"],
}


@pytest.fixture
def suite_file(tmp_path: Path, book_folder: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SUITE | {"sets": [str(book_folder)]}), encoding="utf-8")
    return path


@pytest.fixture
def light_suite_file(suite_file: Path) -> Path:
    """The same set with a rule that learns nothing, for tests of what samples are drawn."""
    suite = yaml.safe_load(suite_file.read_text()) | {"ways": [], "baselines": ["recency"]}
    suite_file.write_text(yaml.safe_dump(suite), encoding="utf-8")
    return suite_file


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory, book_folder: Path) -> Path:
    """The folder of a run of that suite, made once, with rough intervals and vectors that count letters."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SUITE | {"sets": [str(book_folder)]}), encoding="utf-8")
    resamples = metrics.resamples
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "resamples", lambda n, groups, draws, seed: resamples(n, groups, min(draws, 20), seed))
        patch.setattr(Embedder, "open", lambda *_: Letters())
        run_suite(path, settings=Settings.load(), out=folder / "run")
    return folder / "run"


@pytest.fixture
def finished(tmp_path: Path, finished_once: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(finished_once, tmp_path / "run"))
