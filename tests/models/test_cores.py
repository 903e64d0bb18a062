import os

import pytest

from churn_agent.models import cores


def system(tmp_path, cgroup, **files):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(cgroup)
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("200000 100000", 2), ("250000 100000", 2), ("50000 100000", 1), ("6400000 100000", 48), ("max 100000", 48)],
)
def test_a_quota_of_control_groups_v2_limits_the_cores(tmp_path, quota, expected):
    assert cores.within_quota(48, system(tmp_path, "0::/\n", **{"cpu.max": quota})) == expected


def test_the_narrowest_group_on_the_way_up_counts(tmp_path):
    files = {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "cpu.max": "800000 100000"}
    assert cores.within_quota(48, system(tmp_path, "0::/a/b\n", **files)) == 3


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(("quota", "expected"), [("400000", 4), ("-1", 48)])
def test_a_quota_of_control_groups_v1_limits_the_cores(tmp_path, mount, quota, expected):
    """In a container, the group is named as outside and its files lie at the root of the mount."""
    files = {f"{mount}/cpu.cfs_quota_us": quota, f"{mount}/cpu.cfs_period_us": "100000"}
    lines = "5:memory:/docker/ab12\n4:cpu,cpuacct:/docker/ab12\n0::/docker/ab12\n"
    assert cores.within_quota(48, system(tmp_path, lines, **files)) == expected


@pytest.mark.parametrize("content", ["", "max", "0 0", "broken 100000", "100000"])
def test_files_that_are_not_understood_limit_nothing(tmp_path, content):
    assert cores.within_quota(4, system(tmp_path, "0::/\n", **{"cpu.max": content})) == 4


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cores.within_quota(4, tmp_path) == 4


@pytest.fixture
def two_of_many(monkeypatch, tmp_path):
    """A machine with 48 cores and a quota of two."""
    root = system(tmp_path, "0::/\n", **{"cpu.max": "200000 100000"})
    monkeypatch.setattr(cores, "_SYSTEM", root)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(48)), raising=False)
    for each in (cores.usable_cores, cores.physical_cores):
        each.cache_clear()
    yield
    for each in (cores.usable_cores, cores.physical_cores):
        each.cache_clear()


@pytest.mark.usefixtures("two_of_many")
def test_every_library_gets_the_same_number_of_threads(monkeypatch):
    import torch

    from churn_agent.index.embedder import limit_threads
    from churn_agent.models.gguf.tuning import Tuning
    from churn_agent.models.xllamacpp import threads_of

    assert cores.usable_cores() == 2
    expected = cores.physical_cores()
    assert expected <= 2
    assert Tuning().threads == threads_of(0) == expected
    given: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 24)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    limit_threads()
    assert given == [expected]
