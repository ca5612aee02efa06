"""hrm-convert to=hf: a run becomes a folder that anybody with this package can open, and comes back as the same run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hrmlab import open_run
from hrmlab.cli import convert
from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import UserError
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.building import reasoner_of
from hrmlab.workflows.convert import write_run

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")

SHALLOW = ("model.h_layers=1", "model.l_layers=1", "model.max_segments=2")
Make = Callable[..., RunDirectory]
PROMPT = 'def add(a: int, b: int) -> int:\n    """Größer 😀 sum."""\n'


@pytest.fixture
def make_run(compose_config: Callable[..., dict[str, Any]], tmp_path: Path) -> Make:
    """A run directory as after training, of a fresh model."""

    def make(*overrides: str, family: str = "code", data: str = "synthetic_code") -> RunDirectory:
        plain = compose_config(f"data={data}", f"output_root={tmp_path / 'outputs'}", *overrides, family=family)
        config = Configuration.from_plain(plain)
        task = config.data.build()
        reasoner, _ = reasoner_of(config, task)
        with torch.no_grad():
            for parameter in reasoner.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        run = write_run(config, task, reasoner.state_dict(), source=tmp_path / "nowhere", step=7)
        sets = {"humaneval": {"hits": {"prompt": 0.0, "solution": 0.25}}}
        run.write_json("audit.json", {"causality": {"leaks": []}, "contamination": {"sets": sets}, "sandbox": "bubblewrap"})
        return run

    return make


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=hrm", "training.loss=stablemax", "training.precision=bf16", "data.layout=packed", *SHALLOW),
        (
            "model=transformer",
            "model.layers=1",
            "training.loss=softmax",
            "training.precision=fp32",
            "data.tokenizer=bpe",
            "data.vocabulary_size=280",
        ),
    ],
    ids=["hrm", "transformer"],
)
def test_a_run_becomes_a_folder_and_comes_back(
    overrides: tuple[str, ...], make_run: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = make_run(*overrides), tmp_path / "folder"
    assert convert.command([f"run={run.path}", "to=hf", f"out={folder}"]) == 0
    told = capsys.readouterr().out
    assert told.endswith(f"folder for transformers: {folder}\n")
    assert ("computed in bf16" in told) == ("training.precision=bf16" in overrides)
    names = {"README.md", "config.json", "generation_config.json", "model.safetensors", "modeling_hrmlab.py", "tokenizer.json"}
    assert {path.name for path in folder.iterdir()} == {*names, "tokenizer_config.json"}

    opened = open_run(run.path)
    model, tokenizer = transformers.AutoModelForCausalLM.from_pretrained(folder), transformers.AutoTokenizer.from_pretrained(folder)
    written = opened.task.written()
    assert written is not None
    ids = prompt_ids(PROMPT, written.tokenizer)
    assert tokenizer(PROMPT)["input_ids"] == ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == PROMPT
    assert (tokenizer.padding_side, tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == ("left", 0, 1, 3)

    rows = torch.from_numpy(opened.task.load(progress=False).train.inputs[:3]).long()
    with torch.no_grad():
        segments, length = opened.reasoner.max_segments, rows.shape[1]
        *_, (_, _, prediction) = hf.segments.thoughts(opened.reasoner, hf.segments.batch_of(rows), segments, positions=length)
        expected = prediction.logits
        if "training.loss=stablemax" in overrides:
            expected = log_probabilities(expected, "stablemax").float()
        torch.testing.assert_close(model(rows).logits, expected, rtol=0, atol=1e-6)
    if "training.precision=fp32" in overrides:
        new = model.generate(**tokenizer(PROMPT, return_tensors="pt"), max_new_tokens=20)[0, len(ids) :]
        assert tokenizer.decode(new, skip_special_tokens=True) == opened.write(PROMPT, max_new_tokens=20)

    card = (folder / "README.md").read_text()
    budget = run.read_json("budget.json")
    assert budget is not None
    for words in (
        f"{budget['parameters']:,}",
        "nothing sees the future",
        "solution 0.25",
        "bubblewrap",
        run.hash,
        "library_name: transformers",
    ):
        assert words in card

    assert convert.command([f"hf={folder}", f"output_root={tmp_path / 'back'}"]) == 0
    again = open_run(capsys.readouterr().out.removeprefix("run directory: ").strip())
    assert again.step == 7
    assert again.config is not None
    assert opened.config is not None
    assert again.config.to_plain() == {**opened.config.to_plain(), "study": "hugging_face", "output_root": str(tmp_path / "back")}
    for name, value in opened.reasoner.state_dict().items():
        assert torch.equal(again.reasoner.state_dict()[name], value), name
    with pytest.raises(UserError, match="not an empty folder"):
        convert.command([f"run={run.path}", "to=hf", f"out={folder}"])


def test_remote_code_needs_nothing_but_this_package(make_run: Make, tmp_path: Path) -> None:
    """In a process that has not heard of hrmlab, elsewhere, and in a pipeline; saved again it is the same folder."""
    folder = tmp_path / "folder"
    convert.command([f"run={make_run('model=hrm', *SHALLOW).path}", "to=hf", f"out={folder}"])
    program = (
        "import sys; from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline\n"
        "assert not any(name.startswith('hrmlab') for name in sys.modules)\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True)\n"
        "tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])\n"
        "model.save_pretrained(sys.argv[2])\n"
        "write = pipeline('text-generation', model=model, tokenizer=tokenizer)\n"
        "print(write('def f(', max_new_tokens=4)[0]['generated_text'])\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", program, str(folder), str(tmp_path / "again")]
    told = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("def f(")
    for name in ("config.json", "model.safetensors", "modeling_hrmlab.py", "generation_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_model_made_by_hand_becomes_a_run_of_the_task_that_is_named(
    compose_config: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = hf.byte_tokenizer(sequence_length=320, reasoning=False)
    model, _ = hf.create_hrm_model_and_tokenizer(32, 2, tokenizer=tokenizer, sequence_length=320, planner_layers=1, worker_layers=1)
    model.save_pretrained(tmp_path / "folder")
    data = compose_config("data=synthetic_code", family="code")["data"]
    shown = {key: value for key, value in data.items() if key not in ("name", "_target_")}

    def words(**changed: Any) -> list[str]:
        return ["data=synthetic_code", *(f"data.{key}={json.dumps(value)}" for key, value in {**shown, **changed}.items())]

    with pytest.raises(UserError, match="does not say which task"):
        convert.command([f"hf={tmp_path / 'folder'}"])
    assert convert.command([f"hf={tmp_path / 'folder'}", *words(), "arm=mine", f"output_root={tmp_path / 'outputs'}"]) == 0
    run = open_run(capsys.readouterr().out.removeprefix("run directory: ").strip())
    assert run.run is not None
    assert (run.run.labels.study, run.run.labels.arm, run.computation.likelihood) == ("hugging_face", "mine", "softmax")
    for name, value in model.reasoner.state_dict().items():
        assert torch.equal(run.reasoner.state_dict()[name], value), name
    with pytest.raises(UserError, match=r"does not fit data=synthetic_code: embedding\.token\.weight \(\(260, 32\)"):
        convert.command([f"hf={tmp_path / 'folder'}", *words(tokenizer="bpe", vocabulary_size=300)])


def test_words_that_do_not_go_together(make_run: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="to=hf and out=FOLDER go together"):
        convert.command(["run=x", "to=hf"])
    with pytest.raises(UserError, match="to=hf and out=FOLDER go together"):
        convert.command(["run=x", "to=y", "out=z"])
    with pytest.raises(UserError, match="no folder of transformers"):
        convert.command([f"hf={tmp_path}"])
    with pytest.raises(UserError, match="needs data=CHOICE beside it"):
        convert.command(["hf=x", "data.side=4"])
    puzzles = make_run("model=hrm", *SHALLOW, family="", data="sudoku")
    with pytest.raises(UserError, match="no language models"):
        convert.command([f"run={puzzles.path}", "to=hf", f"out={tmp_path / 'folder'}"])
    assert not (tmp_path / "folder").exists()
