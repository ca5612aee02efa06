"""Commands of the site's how-to and explanation: trainings are composed and checked, for all others a test is named that executes them."""

import re
import shlex
from pathlib import Path

import pytest

from hrmlab.config.composition import composer

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("code", "data", "extend", "introspection", "models", "reports")
"""Further pages have a test each: cluster, export, hugging_face, rl, serving, and the tutorial."""

EXECUTED = {
    "hrm-train --config-dir": "extending/test_own_folder.py",
    "hrm-sweep --config-dir": "extending/test_own_folder.py",
    "hrm-sweep sweeps=quick --records": "integration/test_sweep.py",
    "hrm-eval run=outputs/... data.path=my_task.json": "integration/test_arc_commands.py",
    "hrm-eval run=outputs/... evaluation=humaneval": "integration/test_readme.py",
    "hrm-eval run=downloads/": "integration/test_open_run.py",
    "hrm-eval generations=": "integration/test_code_runs.py",
    "hrm-demo run=outputs/... puzzle=my_task.json": "integration/test_arc_commands.py",
    "hrm-demo run=outputs/... puzzle=": "integration/test_open_run.py",
    "hrm-demo run=outputs/... count=": "integration/test_open_run.py",
    "hrm-demo run=downloads/": "integration/test_open_run.py",
    "hrm-convert": "integration/test_convert_command.py",
    "hrm-exec": "integration/test_exec_command.py",
    "hrm-audit causality": "integration/test_readme.py",
    "hrm-audit contamination": "integration/test_readme.py",
    "hrm-audit copying": "integration/test_code_runs.py",
    "hrm-audit stability": "integration/test_stability_command.py",
    "hrm-report study=quick source=wandb": "unit/reporting/test_wandb_source.py",
    "hrm-report study=quick": "unit/reporting/collect/test_selection.py",
    "python -m hrmlab.micro_hrm": "unit/test_micro_hrm.py",
    "make": "integration/test_readme.py",
}
"""How a command begins -> the test that executes its like."""

CALLED = {"hrm-eval": "evaluate", "python": "micro_hrm", "hrm-audit": "audit"}
"""What a test calls a command by, where that is not the word behind ``hrm-``."""


def commands_of(page: str) -> list[str]:
    lines = re.findall(r"^    ((?:hrm-|make |python ).*)$", (DOCS / f"{page}.md").read_text(), re.MULTILINE)
    return [command for line in lines for command in re.split(r"\s{2,}(?=hrm-)", line.split("  #")[0].strip())]


@pytest.mark.slow
def test_every_command_is_composed_or_has_a_test_that_executes_it() -> None:
    used: set[str] = set()
    with composer() as composing:
        for command in [command for page in PAGES for command in commands_of(page)]:
            if start := next((start for start in EXECUTED if command.startswith(start)), None):
                used.add(start)
                continue
            name, *words = shlex.split(command)
            assert name == "hrm-train", f"{command} is in no test: execute it and name the test in EXECUTED"
            assert composing.compose(words).config.training.steps > 0
    assert used == set(EXECUTED)


def test_the_tests_that_are_named_call_these_commands() -> None:
    for start, file in EXECUTED.items():
        name = start.split()[0]
        assert CALLED.get(name, name.removeprefix("hrm-")) in (DOCS.parent / "tests" / file).read_text(), start
