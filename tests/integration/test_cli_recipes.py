"""Every file in experiments/ and sweeps/ really trains: one step of each recipe, made small, with each arm of each sweep."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hrmlab.config.composition import composer
from hrmlab.config.grid import expand
from hrmlab.config.location import RECIPES, choices
from hrmlab.runs.directory import RunDirectory

SMALL = ("trainer=cpu", "training.steps=1", "training.compile=false", "optimizer.warmup_steps=1")
GENERATED = ("data.source=generated", "data.hub_name=null", "data.path=null", "data.validation_path=null", "data.test_path=null")
ANY_DIFFICULTY = ("data.difficulty=null",)  # made small, a 4x4 Sudoku is never hard

OTHER_KEYS = ("code", "formal", "arc", "mixture", "worked")
"""Families whose data have no tables to read and no difficulty."""

FAMILY_OF_WORD = {**{family: family for family in OTHER_KEYS}, "curriculum": "formal", "rl": "worked", "grpo": "worked"}

FILES = [(group, choice) for group in RECIPES for choice in choices(group)]


def family_of(choice: str) -> str:
    """``code`` of the recipe code/quick and of the sweeps code_quick and claims_code, ``mixture`` of ablations/mixture_with_ids."""
    words = re.split("[/_]", choice)
    return next((FAMILY_OF_WORD[word] for word in words if word in FAMILY_OF_WORD), words[0])


@cache
def jobs_of(group: str, choice: str) -> list[list[str]]:
    with composer() as composing:
        overrides = [f"{group}={choice}", *SMALL, *(() if family_of(choice) in OTHER_KEYS else (*GENERATED, *ANY_DIFFICULTY))]
        if "published" in choice or "claims" in choice:
            overrides.append("data.sequence_length=128")
        jobs = expand(composing, overrides, composing.plan(overrides))
    first_of_each_arm = {next((word for word in job if word.startswith("model=")), ""): job for job in reversed(jobs)}
    return list(first_of_each_arm.values())


def trained(choice: str, jobs: list[list[str]]) -> list[list[str]]:
    """Of a sweep's jobs those whose arm no sweep before it trains on the same experiment, but at least one; made small, those are equal."""
    before = {own_words(job) for group, other in FILES if group == "sweeps" and other < choice for job in jobs_of(group, other)}
    return [job for job in jobs if own_words(job) not in before] or jobs[:1]


def own_words(job: list[str]) -> frozenset[str]:
    """What a job asks for but for its sweep, its seed and its size, which is small here."""
    return frozenset(word for word in job if not word.startswith(("sweeps=", "seed=", "size=")))


CASES = [
    # One quick recipe of every task tells in seconds whether recipes still train; all others have their turn where minutes count less.
    pytest.param(group, choice, marks=[] if group == "experiments" and "quick" in choice else [pytest.mark.slow], id=f"{group}/{choice}")
    for group, choice in FILES
]


@pytest.mark.parametrize(("group", "choice"), CASES)
def test_every_recipe_runs_one_step(
    group: str, choice: str, train_run: Callable[..., RunDirectory], compose_config: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    jobs = jobs_of(group, choice)
    assert (len(jobs) > 1) == (group == "sweeps")
    new = jobs if group == "experiments" else trained(choice, jobs)
    for job in jobs:
        config = compose_config(f"output_root={tmp_path}", *job, family=family_of(choice))
        if job not in new:
            continue
        run = train_run(config=config)
        assert run.state == "completed"
        assert (run.read_json("summary.json") or {})["training"]["steps"] == 1
