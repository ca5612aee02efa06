"""Where a run's numbers come from: code, packages, machine, command. The host's name and the user's are left out."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("hrmlab", "torch", "lightning", "hydra-core", "omegaconf", "torchmetrics", "numpy", "scipy", "pandas", "pyarrow", "numba")
_SOURCES = ("src", "conf", "experiments", "sweeps", "pyproject.toml")


def provenance() -> dict[str, Any]:
    """Facts about this process and machine, plain data; a fact that cannot be had is None."""
    commit, dirty = _git_state(Path(__file__).resolve())
    return {
        "start_time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "git_commit": commit,
        "git_dirty": dirty,
        "packages": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cpu_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": _gpus(),
    }


def _output_of(command: list[str], *, seconds: float = 10.0) -> str | None:
    """A command's standard output; None when it is absent, fails or does not answer in time."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _git_state(module: Path) -> tuple[str | None, bool | None]:
    """(commit, whether sources differ from it); (None, None) unless this very module is a tracked file: an installed wheel may lie
    inside some other project's repository, whose commit says nothing about hrmlab."""
    git = ["git", "-C", str(module.parent)]
    if _output_of([*git, "ls-files", "--error-unmatch", module.name]) is None:
        return None, None
    commit, top = _output_of([*git, "rev-parse", "HEAD"]), _output_of([*git, "rev-parse", "--show-toplevel"])
    if commit is None or top is None:
        return None, None
    changes = _output_of(["git", "-C", top, "status", "--porcelain", "--", *(name for name in _SOURCES if (Path(top) / name).exists())])
    return commit, None if changes is None else bool(changes)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or None


def _gpus() -> list[str]:
    """One line per GPU that nvidia-smi reports: name, memory, driver version."""
    answer = _output_of(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    return [line.strip() for line in answer.splitlines() if line.strip()] if answer else []
