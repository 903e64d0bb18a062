"""A small labelled set on disk."""

from pathlib import Path

import pytest
import yaml

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
