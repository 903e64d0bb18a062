"""How many cores this process may use: by affinity, and by the quota of its control group (`docker run --cpus`)."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

_SYSTEM = Path("/")


@cache
def usable_cores() -> int:
    """Returns the number of cores that the operating system lets this process use, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return within_quota(affinity, _SYSTEM)


@cache
def physical_cores() -> int:
    """Returns the number of threads for computing: usable cores, without hyper-threading if the system reports it."""
    try:
        siblings = {
            path.read_text() for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
        }
    except OSError:
        siblings = set[str]()
    return min(usable_cores(), len(siblings) or usable_cores())


def within_quota(cores: int, system: Path) -> int:
    """Limits a number of cores to the quota of the process's control group and of the groups above it.

    Half a core counts as one, and 2.5 cores as two: a thread beyond the quota would stop all others, which wait for it.

    Args:
        cores: number of cores without a quota.
        system: root of the file system; another folder for tests.
    """
    return max(1, min([cores, *(int(quota) for quota in _quotas(system))]))


def _quotas(system: Path) -> Iterator[float]:
    """Yields the quotas that hold for this process, in cores (Linux, control groups v1 and v2)."""
    try:
        lines = (system / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    mounted = system / "sys/fs/cgroup"
    for line in lines:
        _, controllers, group = line.split(":", 2)
        names = controllers.split(",")
        if not controllers:
            for folder in _upwards(mounted, group):
                yield from _quota(_words(folder / "cpu.max"))
        elif "cpu" in names:
            for mount in dict.fromkeys((controllers, *names)):
                for folder in _upwards(mounted / mount, group):
                    yield from _quota(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Yields the folders of a group and of those above it. In a container, only the last one may exist."""
    inside = PurePosixPath(group.lstrip("/"))
    for part in (inside, *inside.parents):
        yield mount / part


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError:
        return []


def _quota(words: list[str]) -> Iterator[float]:
    """Yields microseconds of processor time divided by the period; nothing without a limit (`max`, -1)."""
    if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]):
        yield int(words[0]) / int(words[1])
