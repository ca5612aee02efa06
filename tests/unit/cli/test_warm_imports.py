"""What a process imports before it forks jobs."""

import importlib
from typing import Any

import pytest

from hrmlab.cli.warm import _read_files  # pyright: ignore[reportPrivateUsage]


def test_a_class_that_cannot_be_imported_is_for_the_job_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    known = importlib.import_module

    def refuse(module: str, *rest: Any) -> Any:
        if not module.startswith(("hrmlab.models.", "hrmlab.data.", "hrmlab.training.")):
            return known(module, *rest)
        asked.append(module)
        raise ImportError(f"{module} needs an extra")

    monkeypatch.setattr(importlib, "import_module", refuse)
    _read_files(["experiments=sudoku/quick_4x4", "model=hrm"])
    assert asked
