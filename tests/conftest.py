"""What all tests share: one thread (tests run side by side), a quick data cache, and runs composed as the commands compose them."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported, which tests do while they are collected: it reads this once. With a thread for each core in each of several
# workers, all of them wait actively for the one that is not computing, and tests of milliseconds take seconds.
os.environ["OMP_NUM_THREADS"] = "1"

TINY = (
    "data.side=4",
    "data.train_examples=64",
    "data.validation_examples=20",
    "data.test_examples=30",
    "size.parameters=12000",
    "size.head_size=8",
    "regime.depth=2",
    "regime.segments=4",
    "training.batch_size=8",
    "training.validate_every_steps=5",
    "training.log_every_steps=2",
    "training.evaluation_batch_size=16",
    "evaluation.beyond=1",
    "optimizer.warmup_steps=2",
    "trainer.threads=1",
    "trainer.progress_bar=false",
)
"""Overrides that make any recipe for puzzles a matter of seconds."""

TINY_CODE = (
    "data.train_examples=60",
    "data.validation_examples=6",
    "data.test_examples=6",
    "data.families=[integers]",
    "data.python_functions=0",
    "data.sequence_length=320",
    "data.layout=padded",
    "size.parameters=30000",
    "evaluation.max_new_tokens=6",
    "evaluation.limit=3",
    *(word for word in TINY if not word.startswith(("data.", "size.parameters"))),
)
"""The same for code."""

TINY_FORMAL = (
    "data.length=8",
    "data.train_examples=24",
    "data.validation_examples=6",
    "data.test_examples=10",
    *(word for word in TINY if not word.startswith("data.")),
)
"""The same for formal languages."""

TINY_ARC = (
    "data.source=arc1",
    "data.grid=6",
    "data.augmentations=1",
    "data.validation_tasks=2",
    "data.test_tasks=3",
    *(word for word in TINY if not word.startswith("data.")),
)
"""The same for ARC, whose package may hold ARC-AGI-1 alone."""

_FEW = "train_examples: 12, validation_examples: 4, test_examples: 4"
TINY_MIXTURE = (
    f"data.tasks=[{{name: sudoku, side: 4, {_FEW}}}, {{name: maze, side: 5, {_FEW}}}, {{name: formal, language: copy, length: 8, {_FEW}}}]",
    *(word for word in TINY if not word.startswith("data.")),
)
"""The same for mixtures of tasks."""

TINY_WORKED = (
    "data.max_depth=2",
    "data.train_examples=60",
    "data.validation_examples=6",
    "data.test_examples=10",
    "data.layout=padded",
    "size.parameters=30000",
    "evaluation.max_new_tokens=6",
    "evaluation.limit=3",
    "objective.order=[]",  # the stages that follow need an extra: make test-rl goes through them
    *(word for word in TINY if not word.startswith(("data.", "size.parameters"))),
)
"""The same for problems with worked solutions."""

TINY_OF = {"worked": TINY_WORKED, "code": TINY_CODE, "formal": TINY_FORMAL, "arc": TINY_ARC, "mixture": TINY_MIXTURE}
"""What makes the recipes of a family of tasks small, where that is not ``TINY``."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread_and_own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    assert "torch" not in sys.modules or sys.modules["torch"].get_num_threads() == 1, "torch was imported before tests/conftest.py"
    patch = pytest.MonkeyPatch()
    patch.setenv("WANDB_MODE", "offline")
    patch.setenv("HRMLAB_CACHE", str(tmp_path_factory.getbasetemp().parent / "hrmlab-cache"))
    yield
    patch.undo()


@pytest.fixture
def tiny_overrides() -> tuple[str, ...]:
    """For commands that are started as processes of their own."""
    return TINY


@pytest.fixture
def tiny_code_overrides() -> tuple[str, ...]:
    """The same for runs of code."""
    return TINY_CODE


@pytest.fixture
def tiny_formal_overrides() -> tuple[str, ...]:
    """The same for runs of formal languages."""
    return TINY_FORMAL


@pytest.fixture
def tiny_arc_overrides() -> tuple[str, ...]:
    """The same for runs of ARC."""
    return TINY_ARC


@pytest.fixture
def compose_config() -> Callable[..., dict[str, Any]]:
    """Compose a checked configuration from overrides, after the ones in ``TINY`` (of another family: ``TINY_OF``) unless told otherwise."""
    from hrmlab.config.composition import composer

    def compose(*overrides: str, tiny: bool = True, family: str = "") -> dict[str, Any]:
        with composer([]) as composing:
            return composing.compose([*(TINY_OF.get(family, TINY) if tiny else ()), *overrides]).config.to_plain()

    return compose


@pytest.fixture
def train_run(tmp_path: Path, compose_config: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Train from overrides in a fresh run directory (or go on in ``run``), in this process; returns the completed run."""
    from hrmlab.config.configuration import Configuration
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.launch import execute, new_run

    def train(*overrides: str, run: RunDirectory | None = None, config: Any = None) -> RunDirectory:
        if run is None:
            config = config or compose_config(f"output_root={tmp_path / 'outputs'}", *overrides)
            if isinstance(config, Mapping):
                config = Configuration.from_plain(config)
            run = new_run(config, list(overrides))
        execute(run)
        return run

    return train
