"""Every command of docs/cluster.md is one: it composes, its launcher has those keys, it starts the processes that its trainer asks for."""

import re
import shlex
from pathlib import Path

import pytest

from hrmlab.cli import sweep
from hrmlab.config.composition import composer
from hrmlab.config.launching import read_launcher
from hrmlab.sweeping.jobs import compose_jobs, listed_jobs

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "cluster.md").read_text()
BLOCKS = [line[4:].split("  #")[0].strip() for line in TEXT.splitlines() if line.startswith("    ")]
INLINE = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", TEXT)]
COMMANDS = list(dict.fromkeys(command for command in (*BLOCKS, *INLINE) if " " in command and re.search(r"hrm-|hrmlab\.cli", command)))
SWEEPS = [command for command in COMMANDS if command.startswith("hrm-sweep ")]
TRAININGS = [command for command in COMMANDS if re.search(r"hrm-train |hrmlab\.cli\.train ", command)]


def test_every_command_is_of_a_known_kind() -> None:
    assert len(SWEEPS) >= 15
    assert len(TRAININGS) >= 5
    assert set(COMMANDS) == {*SWEEPS, *TRAININGS}


@pytest.mark.parametrize("command", SWEEPS)
def test_every_sweep_composes(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine" / "launcher").mkdir(parents=True)
    (tmp_path / "mine/launcher/ours.yaml").write_text((ROOT / "conf/launcher/slurm.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    flags = sweep._flags(shlex.split(command)[1:])
    sweep._launcher(flags)
    few = [word for word in flags.overrides if not word.startswith(("seed=", "experiments="))]
    one = next((word for word in flags.overrides if word.startswith("experiments=")), "experiments=sudoku/hrm")
    few += [] if "quick" in command or "code" in command else [one]
    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        jobs = compose_jobs(composing, [*few, "seed=0", "model=hrm"])
    assert jobs
    for job in jobs:
        training, trainer = job.config.training, job.config.trainer
        assert training.batch_size % (training.gradient_accumulation * trainer.devices * trainer.num_nodes) == 0


@pytest.mark.parametrize("command", TRAININGS)
def test_every_training_composes_for_as_many_processes_as_are_started(command: str) -> None:
    before, _, after = command.partition("hrm-train ") if "hrm-train " in command else command.partition("hrmlab.cli.train ")
    with composer([]) as composing:
        config = composing.compose(shlex.split(after)).config
    started = re.search(r"--(?:ntasks|nproc-per-node)=(\d+)", before)
    nodes = re.search(r"--nodes=(\d+)", before)
    if started:
        assert int(started[1]) == config.trainer.devices * config.trainer.num_nodes
        assert int(nodes[1] if nodes else 1) == config.trainer.num_nodes


def test_the_seeds_of_the_large_study_are_a_grid() -> None:
    (command,) = [command for command in SWEEPS if "range(" in command]
    words = sweep._flags(shlex.split(command)[1:])
    sweep._launcher(words)
    with composer([]) as composing:
        assert len(listed_jobs(composing, words.overrides, composing.plan(words.overrides))) == 900


def test_every_key_and_benchmark_that_is_named_exists() -> None:
    settings = read_launcher("slurm", {}, [])
    for key in re.findall(r"launcher\.([a-z_]+)", TEXT):
        assert hasattr(settings, key), key
    cases = (ROOT / "benchmarks" / "__main__.py").read_text()
    for case, option in re.findall(r"case=([a-z_0-9]+)(?: ([a-z]+)=)?", TEXT):
        assert f'"{case}": (' in cases, case
        assert not option or f'"{option}"' in cases, option
    for link in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
