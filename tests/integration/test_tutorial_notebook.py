"""The tutorial notebook, executed as Jupyter executes it, on a run of a few steps."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hrmlab
from hrmlab.runs.directory import RunDirectory

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "tutorial.ipynb"


@contextmanager
def _one_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A python3 kernel that is this Python, whatever others are installed for the user."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True)
    words = f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    (kernel / "kernel.json").write_text(f'{{"argv": {words}, "display_name": "Python 3", "language": "python"}}')
    monkeypatch.setenv("JUPYTER_PATH", str(folder))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    yield


@pytest.mark.filterwarnings("default")  # jupyter's own, about event loops and paths
@pytest.mark.slow
def test_every_cell_runs_and_says_what_the_run_says(
    train_run: Callable[..., RunDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_run("training.steps=5", "regime.segments=2")
    monkeypatch.setenv("HRMLAB_TUTORIAL_OUTPUTS", str(run.path))
    monkeypatch.setenv("PYTHONPATH", str(Path(hrmlab.__file__).parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")  # none are kept in the repository
    with _one_kernel(tmp_path / "jupyter", monkeypatch):
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert said[1].strip() == hrmlab.open_run(run.path).solve("1.3..41..14.4..1").text
    summary = run.read_json("summary.json")
    assert summary is not None
    assert f"({summary['test']['exact_accuracy']}, {summary['test']['count']})" in said
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
