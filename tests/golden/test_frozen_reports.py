"""Reports of frozen run directories stay what they were, word by word: a change of words or numbers must be meant.

``tests/golden/report`` holds small run directories and the report of them; the folders of ``reports`` that hold an archive of their
runs are held against it likewise. After a change that is meant::

    HRMLAB_WRITE_GOLDEN=1 pytest tests/golden/test_frozen_reports.py    # the frozen one
    make report STUDY=quick                                             # a committed one
"""

import os
import re
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from hrmlab.reporting.report import write_report
from quick_figures import draw_quick_figures, painted_figures

draw_quick_figures()

ROOT = Path(__file__).resolve().parents[2]
FROZEN = Path(__file__).parent / "report"
COMMITTED = sorted(path.parent for path in (ROOT / "reports").glob("*/records.tar.xz"))
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


def timeless(path: Path) -> str:
    """The text of a report without the moment at which it was written."""
    return "\n".join(
        WRITTEN.sub("at some time", line) if line.startswith("| Report written") else line for line in path.read_text().split("\n")
    )


def hold_against(written: Path, expected: Path) -> None:
    """The same words in report.md and table.tex, the same columns and numbers in results.csv."""
    for name in ("report.md", "table.tex"):
        assert timeless(written / name) == timeless(expected / name), name
    new, old = pd.read_csv(written / "results.csv"), pd.read_csv(expected / "results.csv")
    pd.testing.assert_frame_equal(new, old, rtol=1e-9)


@painted_figures()
def test_frozen_run_directories_render_as_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(FROZEN / "outputs.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    written = write_report(study="frozen").parent
    if os.environ.get("HRMLAB_WRITE_GOLDEN"):
        for name in ("report.md", "table.tex", "results.csv"):
            (FROZEN / name).write_bytes((written / name).read_bytes())
    hold_against(written, FROZEN)


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda folder: folder.name)
def test_a_committed_report_is_the_report_of_its_archive(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reports" / folder.name).mkdir(parents=True)
    (tmp_path / "reports" / folder.name / "records.tar.xz").write_bytes((folder / "records.tar.xz").read_bytes())
    monkeypatch.chdir(tmp_path)
    if not (folder / "report.md").exists():
        pytest.skip("an archive of a study that goes on, without a report")
    hold_against(write_report(study=folder.name).parent, folder)
