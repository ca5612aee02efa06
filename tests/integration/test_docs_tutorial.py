"""The tutorial does what it says: every command and every block of Python in it is executed, made small by further overrides."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import command_server
import hrmlab
from hrmlab.config.composition import composer
from hrmlab.runs.finding import find_runs
from hrmlab.sweeping.jobs import compose_jobs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "tutorial").glob("*.md"))
BLOCK = re.compile(r"^    (hrm-[^\n]*)$|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODULES = {"hrm-eval": "evaluate"}
FEW = ("training.steps=2", "trainer=cpu", "trainer.threads=1", "trainer.progress_bar=false")


class Reader:
    """Somebody who types what the pages say, in a folder of their own."""

    def __init__(self, folder: Path, tiny: tuple[str, ...]) -> None:
        self.folder, self.tiny = folder, (*tiny, *FEW)
        shutil.copytree(ROOT / "tests" / "extending" / "folder", folder / "mine", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "reports" / "quick").mkdir(parents=True)
        shutil.copy(ROOT / "reports" / "quick" / "records.tar.xz", folder / "reports" / "quick")
        shutil.copy(ROOT / "reports" / "quick" / "results.csv", folder / "reports" / "quick")

    def last_run(self, study: str) -> str:
        """The run directory that a page calls outputs/... ."""
        runs = [run for run in find_runs(self.folder / "outputs", study) if run.state == "completed"]
        return str(max(runs, key=lambda run: run.path.stat().st_mtime).path)

    def run(self, command: str, study: str) -> str:
        """One command; what it says."""
        name, *words = shlex.split(command.split("  #")[0])
        words = [word.replace("outputs/...", self.last_run(study)) if "outputs/..." in word else word for word in words]
        words = [re.sub(r"^seed=0,1(,2)?$", "seed=0", word) for word in words]
        small = list(self.tiny) if name in ("hrm-train", "hrm-sweep", "hrm-quickstart") else []
        if "data=sorting" in words or "data.source=file" in words:
            small = [word for word in small if not word.startswith("data.")]
        if "model=gru" in command:
            small = [word for word in small if not word.startswith("size.")]  # its width comes in steps too large for so small a size
        if name == "hrm-quickstart" or (name == "hrm-sweep" and "--config-dir" in words):
            small.append("--dry-run")  # test_quickstart and test_own_folder take them to their ends
        elif name == "hrm-sweep":
            small.append("--no-report")  # the page writes it with its next command
        result = command_server.run(f"hrmlab.cli.{MODULES.get(name, name.removeprefix('hrm-'))}", *words, *small, cwd=self.folder)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def execute(self, code: str, study: str) -> None:
        """A block of Python."""
        exec(compile(code.replace("outputs/...", self.last_run(study) if "outputs/..." in code else ""), "<page>", "exec"), {})


def test_the_pages_are_read_in_the_order_of_the_site() -> None:
    assert [path.stem for path in PAGES] == ["first_comparison", "own_model", "own_task", "read_a_report"]
    assert all(f"tutorial/{path.name}" in (ROOT / "mkdocs.yml").read_text() for path in PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_and_block_runs(
    page: Path, tmp_path: Path, tiny_overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, study = Reader(tmp_path, tiny_overrides), "first" if page.stem == "first_comparison" else "mine"
    monkeypatch.chdir(tmp_path)
    if page.stem == "own_task":
        _write_puzzles(reader)
    said = [reader.run(command, study) if command else reader.execute(code, study) for command, code in BLOCK.findall(page.read_text())]
    assert len(said) >= 2
    if page.stem == "first_comparison":
        assert re.search(r"^arm +hrm.* transformer", capsys.readouterr().out, re.MULTILINE)


def test_what_was_trained_by_hand_is_one_of_the_sweeps_runs() -> None:
    text = (ROOT / "docs" / "tutorial" / "first_comparison.md").read_text()
    by_hand, sweep = (re.findall(rf"^    {name} (.*)$", text, re.MULTILINE)[0].split() for name in ("hrm-train", "hrm-sweep"))
    with composer() as composing:
        (alone,), grid = compose_jobs(composing, by_hand), compose_jobs(composing, sweep)
    assert len(grid) == 6
    assert (alone.labels, alone.hash) in [(job.labels, job.hash) for job in grid]


def _write_puzzles(reader: Reader) -> None:
    """my_puzzles.csv, as a reader has it: more than one split's worth of 4x4 Sudokus."""
    reader.run("hrm-train experiments=sudoku/quick_4x4 study=other model=transformer", "other")
    task = hrmlab.open_run(reader.last_run("other")).task
    examples = task.load(progress=False).train
    rows = [f"{task.to_text(one)},{task.to_text(other)}" for one, other in zip(examples.inputs, examples.labels, strict=True)]
    (reader.folder / "my_puzzles.csv").write_text("\n".join(["question,answer", *rows]) + "\n")
