import hashlib
import io
import json
import os
import tarfile

import pytest

from churn_agent.errors import BadWeights, ChurnAgentError, FileFormatError, InputError, Unavailable, WeightsMissing
from churn_agent.models import bundles, weights
from churn_agent.models.catalogue import CatalogueEntry, WeightsFile, catalogue

FILES = {"one": {"one.gguf": b"GGUF" + bytes(5000)}, "several": {"config.json": b"{}", "sub/config.json": b"[12345]"}}


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch):
    for name, files in FILES.items():
        entry = CatalogueEntry(
            name=name,
            kind="language",
            purpose="test",
            licence="none",
            context_tokens=8,
            files=tuple(
                WeightsFile(name=n, bytes=len(c), sha256=hashlib.sha256(c).hexdigest()) for n, c in files.items()
            ),
        )
        monkeypatch.setitem(catalogue(), name, entry)


@pytest.fixture
def here(tmp_path):
    """A model folder with all weights."""
    for model, files in FILES.items():
        for name, content in files.items():
            path = tmp_path / "here" / model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tmp_path / "here"


@pytest.fixture
def packed(here, tmp_path):
    path = tmp_path / "weights.tar"
    bundles.pack(path, FILES, here)
    return path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def repacked(packed, change):
    """The bundle with its list of (header, content) changed."""
    with tarfile.open(packed) as archive:
        members = [(header, archive.extractfile(header).read()) for header in archive.getmembers()]
    with tarfile.open(packed, "w") as archive:
        for header, content in change(members):
            if header.isreg():
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content) if header.isreg() else None)


def test_a_bundle_brings_the_weights_to_another_machine(packed, here, tmp_path):
    seen = []
    bundles.unpack(packed, FILES, tmp_path / "there", lambda *progress: seen.append(progress))
    assert contents(tmp_path / "there") == contents(here)
    assert ("one.gguf", 5004, 5004) in seen
    for name in FILES:
        weights.verify(name, tmp_path / "there")


def test_the_same_weights_make_the_same_bundle(packed, here, tmp_path):
    bundles.pack(tmp_path / "again.tar", FILES, here)
    assert (tmp_path / "again.tar").read_bytes() == packed.read_bytes()


def test_weights_are_found_in_a_folder_by_hash_whatever_they_are_called(tmp_path):
    stick = tmp_path / "stick" / "blobs"
    stick.mkdir(parents=True)
    (stick / "a decoy of the same size").write_bytes(bytes(5004))
    for n, content in enumerate(content for files in FILES.values() for content in files.values()):
        (stick / f"{n}.bin").write_bytes(content)
    bundles.unpack(tmp_path / "stick", FILES, tmp_path / "there")
    for name in FILES:
        weights.verify(name, tmp_path / "there")


def test_a_folder_can_be_linked_instead_of_copied(here, tmp_path):
    bundles.unpack(here, ["one"], tmp_path / "there", link=True)
    assert (tmp_path / "there/one/one.gguf").samefile(here / "one/one.gguf")


def test_where_links_cannot_be_made_files_are_copied(here, tmp_path, monkeypatch):
    def refuse(*paths):
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    bundles.unpack(here, ["one"], tmp_path / "there", link=True)
    weights.verify("one", tmp_path / "there")


@pytest.mark.parametrize("source", ["folder", "bundle"])
def test_what_a_source_lacks_is_named(here, tmp_path, source):
    path = here / "several"
    if source == "bundle":
        path = tmp_path / "weights.tar"
        bundles.pack(path, ["several"], here)
    with pytest.raises(WeightsMissing, match=r"does not have one\.gguf \(5,004 bytes, SHA-256 "):
        bundles.unpack(path, ["one"], tmp_path / "there")


def test_there_has_to_be_a_source(tmp_path):
    with pytest.raises(InputError, match="no folder or bundle"):
        bundles.unpack(tmp_path / "nothing", ["one"], tmp_path / "there")


def _renamed(to):
    def change(members):
        members[1][0].name = to
        return members

    return change


def _outside(members):
    header = tarfile.TarInfo("../outside")
    return [*members, (header, b"x")]


def _link(members):
    header = members[1][0]
    header.type, header.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return members


def _longer(members):
    members[1] = (members[1][0], members[1][1] + b"!")
    return members


def _manifest(content):
    return lambda members: [(members[0][0], content), *members[1:]]


def _of_another_version(members):
    manifest = json.loads(members[0][1])
    return _manifest(json.dumps(manifest | {"version": 2}).encode())(members)


@pytest.mark.parametrize(
    "change",
    [
        _renamed("../../outside"),
        _renamed("/outside"),
        _outside,
        _link,
        _longer,
        lambda members: [*members, members[1]],
        lambda members: members[1:],
        lambda members: members[:-1],
        lambda members: [],
        _manifest(b"not JSON"),
        _of_another_version,
    ],
    ids=[
        "parent",
        "absolute",
        "extra",
        "link",
        "longer",
        "twice",
        "no-manifest",
        "missing",
        "empty",
        "json",
        "version",
    ],
)
def test_a_bundle_that_holds_anything_else_is_refused_and_writes_nothing(packed, tmp_path, change):
    repacked(packed, change)
    with pytest.raises(FileFormatError, match=r"weights\.tar"):
        bundles.unpack(packed, FILES, tmp_path / "there")
    assert not contents(tmp_path / "there")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6])
def test_a_bundle_that_was_cut_off_leaves_nothing_half(packed, tmp_path, share):
    whole = packed.read_bytes()
    packed.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileFormatError):
        bundles.unpack(packed, FILES, tmp_path / "there")
    assert not contents(tmp_path / "there")


def test_a_file_that_is_not_an_archive_is_refused(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF" * 500)
    with pytest.raises(FileFormatError, match="not a bundle"):
        bundles.unpack(tmp_path / "x.gguf", ["one"], tmp_path / "there")


def test_a_changed_byte_is_found_and_nothing_of_the_file_is_kept(packed, tmp_path):
    def change(members):
        members[1] = (members[1][0], b"X" + members[1][1][1:])
        return members

    repacked(packed, change)
    with pytest.raises(BadWeights, match="it was removed"):
        bundles.unpack(packed, ["one"], tmp_path / "there")
    assert not contents(tmp_path / "there")


def test_an_interrupted_copy_leaves_nothing_half_and_can_go_on(packed, tmp_path):
    def interrupt(what, done, total):
        if what == "sub/config.json":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bundles.unpack(packed, FILES, tmp_path / "there", interrupt)
    assert set(contents(tmp_path / "there")) == {"one/one.gguf", "several/config.json"}
    with pytest.raises(WeightsMissing):
        weights.find("several", tmp_path / "there")
    bundles.unpack(packed, FILES, tmp_path / "there")
    weights.verify("several", tmp_path / "there")


def test_damaged_weights_are_not_packed_and_an_older_bundle_stays(packed, here):
    before = packed.read_bytes()
    (here / "one/one.gguf").write_bytes(bytes(5004))
    with pytest.raises(BadWeights, match="no bundle was written"):
        bundles.pack(packed, FILES, here)
    assert packed.read_bytes() == before
    assert not list(packed.parent.glob(".incoming*"))


def test_a_bundle_that_cannot_be_written_is_one_line(here, tmp_path):
    with pytest.raises(Unavailable, match="write to") as raised:
        bundles.pack(tmp_path / "nowhere" / "b.tar", ["one"], here)
    assert isinstance(raised.value, ChurnAgentError)
    assert "\n" not in str(raised.value)
