"""Runs that practise, as small as they get."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for own_rewards and tiny_practice

from tiny_practice import TINY_PRACTICE


@pytest.fixture
def practice_config(tmp_path: Path, compose_config: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Compose the configuration of such a run from further overrides."""

    def compose(*overrides: str) -> dict[str, Any]:
        return compose_config(*TINY_PRACTICE, f"output_root={tmp_path / 'outputs'}", *overrides, tiny=False)

    return compose


@pytest.fixture
def practise_run(practice_config: Callable[..., dict[str, Any]], train_run: Callable[..., Any]) -> Callable[..., Any]:
    """Go through such a run in this process; the completed run."""
    return lambda *overrides, run=None: train_run(config=practice_config(*overrides), run=run)
