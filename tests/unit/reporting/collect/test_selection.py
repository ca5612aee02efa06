"""Parts of a study, and several studies side by side."""

from pathlib import Path

import pytest

from hrmlab.cli import report as command
from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.kept import keep_records
from hrmlab.reporting.collect.selection import Selection
from hrmlab.reporting.report import make_report
from hrmlab.runs.archive import archive_of
from run_factory import make_run


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Studies a and b, which share an arm on one task."""
    for study, arms in {"a": ("hrm", "transformer"), "b": ("hrm", "deep_supervision_transformer", "hrm,segments=1")}.items():
        for arm in arms:
            for seed in (0, 1):
                make_run(tmp_path / "out", study=study, arm=arm, seed=seed)
    make_run(tmp_path / "out", study="b", task="maze_10x10", arm="transformer", size="tiny")
    return tmp_path / "out"


@pytest.mark.slow
def test_arms_of_several_studies_side_by_side(two: Path, tmp_path: Path) -> None:
    report = make_report(study="a,b", output_root=two, reports_root=tmp_path / "reports")
    study = report.study
    assert set(study.arms) == {"hrm (a)", "hrm (b)", "hrm segments=1", "deep_supervision_transformer", "transformer"}
    assert study.baseline == "transformer"
    sudoku = next(task for task in study.tasks if task.task == "sudoku_4x4")
    assert sorted(sudoku.arms["hrm (b)"]) == [0, 1]
    assert report.path == tmp_path / "reports" / "a+b" / "report.md"
    told = report.path.read_text()
    assert "Several studies side by side: a, b." in told
    assert "hrm-report study=a,b" in told
    assert {comparison.arm for comparison in report.comparisons} >= {"hrm (a)", "hrm (b)"}
    assert collect(study="a,b", output_root=two, baseline="hrm (b)").baseline == "hrm (b)"


@pytest.mark.slow
def test_archives_stand_in_for_studies_that_are_not_here(two: Path, tmp_path: Path) -> None:
    keep_records(collect(study="b", output_root=two), archive_of(tmp_path / "reports", "b"))
    for path in (two / "b").rglob("run.json"):
        path.unlink()
    report = make_report(study="a,b", output_root=two, reports_root=tmp_path / "reports")
    assert len(report.study.runs) == 4 + 7
    assert [run.path.is_dir() for run in report.study.runs] == [True] * 11
    part = make_report(study="a,b", output_root=two, reports_root=tmp_path / "reports", selection=Selection.of(sizes="tiny"))
    assert [run.labels.study for run in part.study.runs] == ["b"]


def test_a_part_has_a_folder_of_its_own_and_says_so(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study=b", f"output_root={two}", f"reports_root={tmp_path / 'reports'}"]
    assert command.command([*words, "arms=hrm,hrm segments=1", "tasks=sudoku_4x4", "sizes=nano"]) == 0
    folder = tmp_path / "reports" / "b,arms=hrm+hrm-segments=1,tasks=sudoku_4x4,sizes=nano"
    told = (folder / "report.md").read_text()
    assert "Only a part is shown, and corrections for several comparisons count this part alone: arms=hrm,hrm segments=1; tasks=" in told
    assert "deep_supervision_transformer" not in told
    assert "hrm-report study=b 'arms=hrm,hrm segments=1' tasks=sudoku_4x4 sizes=nano" in told
    assert not (tmp_path / "reports" / "b").exists()
    assert "Only a part is shown" in capsys.readouterr().out
    with pytest.raises(UserError, match="records=true keeps one whole study"):
        command.command([*words, "arms=hrm", "records=true"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"arms": "hrmm"}, r"arms=hrmm is in no run; did you mean hrm\? there are deep_supervision_transformer, hrm, hrm segments=1"),
        ({"tasks": "maze"}, "tasks=maze is in no run; .*maze_10x10, sudoku_4x4"),
        ({"sizes": "huge"}, "sizes=huge is in no run; there are nano, tiny"),
        ({"tasks": "maze_10x10", "arms": "hrm"}, "no run has all of arms=hrm tasks=maze_10x10"),
    ],
)
def test_unknown_names_are_named_with_the_nearest(two: Path, words: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        collect(study="b", output_root=two, selection=Selection.of(**words))


def test_unknown_studies_and_empty_names(two: Path) -> None:
    with pytest.raises(UserError, match="study=c has no run directories"):
        collect(study="a,c", output_root=two)
    with pytest.raises(UserError, match="study=a,a holds an empty name or one twice"):
        collect(study="a,a", output_root=two)
