"""What is needed to install the project, and the files that say so."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENT = re.compile(r"(?m)^([a-z0-9][a-z0-9-]*)==(\S+) \\$")
needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")


def engine(path):
    """(extra, what is said) with nothing but a folder on the PATH."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CXX")}
    done = subprocess.run(
        [shutil.which("sh"), ROOT / "scripts/engine.sh"],
        env=environment | {"PATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


@pytest.fixture
def bare(tmp_path):
    """A folder of programs without a compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mktemp", "rm"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def compiler(folder, name, code):
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)


@needs_sh
@pytest.mark.skipif(not (shutil.which("cc") and shutil.which("c++")), reason="needs a compiler")
def test_where_code_compiles_the_engine_is_compiled():
    assert engine(os.environ["PATH"]) == ("llama-cpp", "")


@needs_sh
def test_without_a_compiler_the_engine_with_wheels_is_taken_and_one_line_says_so(bare):
    extra, said = engine(bare)
    assert extra == "xllamacpp"
    assert said == "no working C compiler (cc): installing the engine that needs none, xllamacpp; it is slower\n"


@needs_sh
def test_a_compiler_that_does_not_work_does_not_count(bare):
    compiler(bare, "cc", 1)
    compiler(bare, "c++", 0)
    assert engine(bare)[0] == "xllamacpp"


@needs_sh
def test_a_c_compiler_alone_is_not_enough(bare):
    compiler(bare, "cc", 0)
    extra, said = engine(bare)
    assert extra == "xllamacpp"
    assert "C++ compiler (c++)" in said


@needs_sh
def test_both_engines_are_extras_of_the_project(bare):
    assert {"llama-cpp", "xllamacpp"} <= PROJECT["project"]["optional-dependencies"].keys()


def _normalized(requirement):
    name = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_has_every_requirement_with_hashes():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/requirements.py"], capture_output=True, text=True, check=True
    )
    wanted = {_normalized(line) for line in done.stdout.splitlines()}
    assert {_normalized(each) for each in PROJECT["project"]["dependencies"]} <= wanted
    assert wanted <= dict(REQUIREMENT.findall(LOCK)).keys()
    blocks = REQUIREMENT.split(LOCK)[3::3]
    assert all(re.match(r"\s+--hash=sha256:[0-9a-f]{64}", block) for block in blocks)


def test_the_lock_names_no_host_and_no_path():
    for line in LOCK.splitlines():
        comment = line.startswith("#")
        assert (
            comment
            or REQUIREMENT.match(line)
            or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
            or not line
        ), line
        assert not re.search(r"[:@]/|//|\.(org|com|net)\b|/home|/root|/tmp|/work", line), line


def test_the_lock_fits_the_pins_of_the_project():
    pinned = dict(REQUIREMENT.findall(LOCK))
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8") + "\n".join(
        each for group in PROJECT["project"]["optional-dependencies"].values() for each in group
    )
    for name, version in re.findall(r"(?m)^([\w-]+)==([\w.]+)$", pins):
        assert pinned[name].partition("+")[0] == version
    assert pinned["torch"].endswith("+cpu")


def test_the_citation_has_the_version_and_licence_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]


def test_the_changelog_has_the_form_of_keep_a_changelog():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"(?m)^## (.*)$", text)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.*)$", text)) <= kinds
