"""Whatever a user gets wrong is answered in one sentence that names it, with exit code 2, before anything is made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hrmlab.cli import sweep, train
from hrmlab.cli.command import guarded

TRAIN = [
    ("modle=hrm", ["modle", "did you mean model?"]),
    ("model.h_layer=3", ["model.h_layer", "did you mean model.h_layers?"]),
    ("+model.h_layer=3", ["model.h_layer", "did you mean model.h_layers?"]),
    ("++trainer.device=3", ["trainer.device", "did you mean trainer.devices?"]),
    ("batch_size=3", ["batch_size", "did you mean training.batch_size?"]),
    ("optimizer.lr=0.1", ["optimizer.lr", "learning_rate"]),
    ("data.sied=4", ["data.sied", "did you mean data.side?"]),
    ("logger.project=x", ["logger.project"]),
    ("zzz=1", ["zzz", "the configuration has study, seed"]),
    ("tests=1", ["tests is not a known key"]),
    ("model=hrmm", ["model=hrmm", "did you mean hrm?", "choices:"]),
    ("size=huge", ["size=huge", "nano, paper, small, tiny"]),
    ("experiments=sudoku/hrn", ["experiments=sudoku/hrn", "did you mean sudoku/hrm?"]),
    ("experiments=nowhere", ["experiments=nowhere does not exist"]),
    ("experiments/sudoku=hrm", ["write experiments=sudoku/hrm"]),
    ("sweeps=quik", ["sweeps=quik", "did you mean quick?"]),
    ("+model=hrm", ["model", "without +"]),
    ("model=[hrm]", ["model=[hrm]", "choices:"]),
    ("model=null", ["model=null", "choices:"]),
    ("model=hrm,transformer", ["model=hrm,transformer", "-m (--multirun)"]),
    ("~model", ["model is missing"]),
    ("~training.steps", ["training.steps is missing"]),
    ("seed", ["'seed' is not an override", "key=value"]),
    ("training.steps=[1,", ["training.steps=[1,", "quote"]),
    ("seed=abc", ["seed=abc is not an integer"]),
    ("seed=1.0", ["seed=1.0", "write seed=1"]),
    ("seed=-1", ["seed=-1 is below 0"]),
    ("training.steps=-5", ["training.steps=-5 is below 1", "at least 1"]),
    ("training.batch_size=0", ["training.batch_size=0", "at least 1"]),
    ("training.precision=fp8", ["training.precision=fp8", "fp32, bf16"]),
    ("training.compile=maybe", ["training.compile=maybe", "true or false"]),
    ("training.ema_decay=1.5", ["training.ema_decay=1.5", "between 0 and 1"]),
    ("training.curriculum_share=1", ["training.curriculum_share=1", "below 1"]),
    ("training.curriculum_start=0", ["training.curriculum_start=0", "at most 1"]),
    ("training.gradient_clip=0", ["training.gradient_clip=0", "null"]),
    ("optimizer.learning_rate=fast", ["optimizer.learning_rate=fast is not a number"]),
    ("optimizer.learning_rate=nan", ["optimizer.learning_rate=nan"]),
    ("optimizer.learning_rates=1e-4", ["optimizer.learning_rates=0.0001 is not a mapping", "optimizer.learning_rates.<key>"]),
    ("optimizer.learning_rates.H=-1", ["optimizer.learning_rates.H=-1.0 is not a positive number"]),
    (
        "optimizer.learning_rates={H:1e-4,l_levle:1}",
        ["learning_rates.l_levle names no part of HRM", "did you mean l_level?", "H, L, embeddings"],
    ),
    (
        "optimizer=muon model=transformer optimizer.learning_rates.H=1",
        ["no part of Transformer", "are embeddings, heads, embedding, stack"],
    ),
    ("optimizer.learning_rates={H:1e-4,h_level:1e-3}", ["two rates, as H and as h_level", "leave one of them out"]),
    ("training.compile=true training.gradient_checkpointing=true", ["do not go together", "leave one of them out"]),
    ("model.positions=rop", ["model.positions=rop", "did you mean rope?"]),
    ("model.h_layers=2.0", ["write model.h_layers=2"]),
    ("match=flops", ["match=flops", "parameters, non_embedding"]),
    ("study=a/b", ["study=a/b cannot name a folder"]),
    ("model._target_=hrmlab.models.hrm.HMR", ["did you mean HRM?"]),
    ("model._target_=no.such.Model", ["model._target_=no.such.Model"]),
    ("study=${oc.env:NO_SUCH_VARIABLE}", ["study", "NO_SUCH_VARIABLE"]),
    ("study=${nothing}", ["study", "nothing"]),
    ("hydra.foo=1", ["foo"]),
    ("resume=nowhere", ["nowhere is not a run directory"]),
    ("--foo", ["--foo", "hrm-train --help"]),
    ("--config-dir=nowhere", ["--config-dir nowhere"]),
    ("--config-name=other", ["--config-name"]),
    ("-m trainer=ddp", ["trainer=ddp", "hrm-sweep", "make sweep"]),
    ("-m seed=0,1 model.h_layer=2", ["model.h_layer"]),
    ("-m seed=0,x", ["seed=x is not an integer"]),
    ("sweeps=quick training.stepps=1", ["training.stepps", "did you mean training.steps?"]),
    ("optimizer.name=adamw", ["optimizer.name=adamw", "write optimizer=adamw"]),
    ("optimizer._target_=hrmlab.training.optimizers.adamw", ["optimizer._target_", "write optimizer=adamw"]),
    ("data.name=maze", ["data.name=maze", "write data=maze"]),
    ("model.name=transformer", ["model.name=transformer", "write model=transformer"]),
    ("size.name=paper", ["size.name=paper", "write size=paper"]),
    ("regime.depth=7", ["model.h_layers", "7 has no half", "even number"]),
    ("regime=shalow", ["did you mean shallow?"]),
    ("model.role=boss", ["model.role=boss", "subject, control, baseline"]),
    ("role=boss", ["role=boss", "subject, control, baseline"]),
    ("evaluation.ks=[0]", ["evaluation.ks[0]=0 is below 1"]),
    ("evaluation.ks=[]", ["evaluation.ks=[] is empty"]),
    ("training.steps=100000000000000000000", ["training.steps", "at most 1,000,000,000"]),
    ("training.batch_size=1000000000", ["training.batch_size=1000000000", "at most 1,000,000"]),
    ("size.parameters=100000000000000", ["size.parameters", "at most 1,000,000,000,000"]),
    ("trainer.threads=100000", ["trainer.threads=100000", "cores of this machine"]),
    ("data.train_examples=0", ["data.train_examples=0 is below 1"]),
    ("per_arm.hrmm.optimizer.learning_rate=1", ["per_arm.hrmm", "did you mean per_arm.hrm?"]),
    ("per_arm.hrm.optimizer.lr=1", ["optimizer.lr is not a known key", "in per_arm.hrm"]),
    ("per_arm.hrm.optimizer=adamw", ["per_arm.hrm.optimizer=adamw is a choice", "per_arm.hrm.optimizer.<key>"]),
    ("per_arm.hrm.seed=1", ["per_arm.hrm.seed", "nothing that one arm can have for itself"]),
    ("extend=nowhere", ["nowhere is not a run directory"]),
    ("extends=nowhere", ["write extend=RUN_DIRECTORY"]),
    ("-m seed=0,1 extend=nowhere", ["extend", "without -m"]),
    ("-m arm=x optimizer.learning_rate=1e-3,1e-4 data.side=4", ["same arm, x", "learning_rate=0.001 and 0.0001", "arm=NAME", "study=NAME"]),
    ("-m model=hrm,transformer model.h_cycles=3", ["model=transformer has no such key", "per_arm.hrm.model.h_cycles=<value>"]),
]

SWEEP = [
    ("sweeps=quick model.h_cycles=3", ["model.h_cycles", "has no such key", "per_arm.hrm.model.h_cycles=<value>"]),
    ("extend=x", ["extend", "hrm-train"]),
    ("arm=x optimizer.learning_rate=1e-3,1e-4 data.side=4", ["same arm, x", "arm=NAME", "study=NAME"]),
    ("sweeps=quik", ["did you mean quick?"]),
    ("sweeps=quick training.stepps=1", ["did you mean training.steps?"]),
    ("sweeps=quick seed=0,1,x", ["seed=x is not an integer"]),
    ("sweeps=quick model=hrm,hrmm", ["model=hrmm does not exist"]),
    ("model.h_layers=interval(1,3)", ["interval", "search.space"]),
    ("study=a,b", ["study differs between the jobs (a, b)"]),
    ("resume=x", ["resume belongs to hrm-train"]),
    ("--jobs 0", ["--jobs 0", "at least 1"]),
    ("--jbos 2", ["--jbos", "hrm-sweep --help"]),
    ("trainer.threads=4096", ["trainer.threads=4096", "cores"]),
    ("trainer.num_nodes=2", ["trainer.num_nodes=2"]),
    ("seed=1 data.side=5", ["side=5"]),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "line", "words"), [(train, *case) for case in TRAIN] + [(sweep, *case) for case in SWEEP], ids=lambda value: str(value)[:40]
)
def test_one_sentence_and_exit_code_2(command, line, words, capsys, tmp_path):
    code = guarded(command.NAME, lambda: command.command(line.split()))
    captured = capsys.readouterr()
    assert code == 2, captured.err
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith(f"{command.NAME}: ")
    for word in words:
        assert word in captured.err
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".sweep.lock"]
    assert left == []


def test_a_mistake_in_the_seventh_job_is_answered_before_the_first(capsys, tmp_path):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "s.yaml").write_text(
        "# @package _global_\nstudy: s\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params: {seed: '0,1,2,3,4,5,-7'}\n"
    )
    assert guarded("hrm-sweep", lambda: sweep.command(["--config-dir", str(tmp_path), "sweeps=s", "data.side=4"])) == 2
    assert "seed=-7 is below 0" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("arguments", [["model.h_layer=3"], ["modle=hrm"], ["--cfg", "job"], ["--help"], ["-m", "seed=0,1", "zzz=1"]])
def test_answers_come_without_slow_imports(arguments):
    code = (
        "import sys\n"
        "from hrmlab.cli.command import guarded\nfrom hrmlab.cli.train import command\n"
        f"guarded('hrm-train', lambda: command({arguments!r}))\n"
        "slow = {'torch', 'lightning', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["hrm-train", "hrm-eval", "hrm-report", "hrm-sweep"])
def test_console_commands_answer_help(name):
    command = shutil.which(name, path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the package is not installed")
    result = subprocess.run([command, "--help"], capture_output=True, text=True, check=False, timeout=3)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Usage: {name}" in result.stdout
