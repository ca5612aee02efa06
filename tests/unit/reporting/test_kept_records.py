"""A report from the archive of records equals the one from the run directories, and a study grows over several machines."""

import shutil
from pathlib import Path

import pytest

from hrmlab.cli import report as command
from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.kept import keep_records
from hrmlab.reporting.report import make_report
from hrmlab.runs.archive import Archive, archive_of, read_archive
from hrmlab.runs.directory import RunDirectory
from run_factory import make_run

OWN = ("Report written", "Records", "Runs completed", "hrm-report study")


def _told(path: Path) -> list[str]:
    """The report without the lines that say where it came from."""
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not any(own in line for own in OWN)]
    assert len(kept) > len(lines) - 8
    return kept


def _archives(path: Path) -> list[Archive]:
    archive = read_archive(path)
    return [] if archive is None else [archive]


@pytest.fixture
def archive_root(outputs: Path, tmp_path: Path) -> Path:
    """A reports folder with nothing but the archive of ``quick``, as in a clone."""
    keep_records(collect(study="quick", output_root=outputs), archive_of(tmp_path / "clone", "quick"))
    return tmp_path / "clone"


def test_report_from_the_archive_equals_that_from_run_directories(outputs: Path, archive_root: Path, tmp_path: Path) -> None:
    first = make_report(study="quick", output_root=outputs, reports_root=tmp_path / "first")
    second = make_report(study="quick", output_root=tmp_path / "nothing", reports_root=archive_root)
    assert _told(second.path) == _told(first.path)
    assert (second.path.parent / "results.csv").read_bytes() == (first.path.parent / "results.csv").read_bytes()
    digest = next(iter(second.study.runs)).restored
    assert f"17 runs from `records.tar.xz` (digest `{digest[:10]}`)" in second.path.read_text()
    assert "17 runs from run directories" in first.path.read_text()


def test_writing_again_from_the_archive_gives_the_same_bytes(outputs: Path, archive_root: Path, tmp_path: Path) -> None:
    path = archive_of(archive_root, "quick")
    before = path.read_bytes()
    archive = read_archive(path)
    assert archive is not None
    study = collect(study="quick", output_root=tmp_path / "nothing", archives=[archive])
    keep_records(study, path)
    assert path.read_bytes() == before
    archive.restore(list(archive.runs), output_root=tmp_path / "restored")
    keep_records(collect(study="quick", output_root=tmp_path / "restored", archives=[archive]), path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_study_grows_over_several_machines(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "reports", "s")
    for machine, arm in (("one", "hrm"), ("two", "transformer")):
        for seed in (0, 1):
            make_run(tmp_path / machine, study="s", arm=arm, seed=seed)
        keep_records(collect(study="s", output_root=tmp_path / machine, archives=_archives(path)), path)
    report = make_report(study="s", output_root=tmp_path / "two", reports_root=tmp_path / "reports")
    assert {arm: len(runs) for arm, runs in report.study.tasks[0].arms.items()} == {"hrm": 2, "transformer": 2}
    assert "2 runs from run directories; 2 runs from `records.tar.xz`" in report.path.read_text()
    assert report.comparisons
    alone = make_report(study="s", output_root=tmp_path / "two", reports_root=tmp_path / "reports", archived=False)
    assert set(alone.study.arms) == {"transformer"}


def test_a_directory_goes_before_the_archive_only_when_completed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", study="s")
    path = archive_of(tmp_path / "reports", "s")
    keep_records(collect(study="s", output_root=tmp_path / "one"), path)
    (run.path / "COMPLETED").unlink()
    study = collect(study="s", output_root=tmp_path / "one", archives=_archives(path))
    assert [record.name for record in study.runs] == [run.path.relative_to(tmp_path / "one").as_posix()]
    assert [(item.state, item.replaced) for item in study.listed] == [("interrupted", True)]


def test_what_does_not_verify_is_not_archived(tmp_path: Path) -> None:
    good, bad = (make_run(tmp_path / "out", study="s", seed=seed) for seed in (0, 1))
    bad.complete(bad.read_json("summary.json") or {})
    (bad.path / "metrics.csv").write_text("step,seconds,metric,value\n")
    archive = keep_records(collect(study="s", output_root=tmp_path / "out"), tmp_path / "records.tar.xz")
    assert list(archive.runs) == [good.path.relative_to(tmp_path / "out" / "s").as_posix()]
    assert [note["state"] for note in archive.notes] == ["not verified"]


def test_digests_of_the_original_run_travel_along(tmp_path: Path) -> None:
    run = make_run(tmp_path / "out", study="s")
    run.complete(run.read_json("summary.json") or {})
    archive = keep_records(collect(study="s", output_root=tmp_path / "out"), tmp_path / "records.tar.xz")
    (path,) = archive.restore(list(archive.runs), output_root=tmp_path / "new")
    assert (path / "COMPLETED").read_bytes() == (run.path / "COMPLETED").read_bytes()
    assert RunDirectory.open(path).verify() == []
    assert (path / "predictions.parquet").read_bytes() != run.predictions_file.read_bytes()
    assert not (path / "checkpoints").exists()


def test_another_studys_archive_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "out", study="s")
    make_run(tmp_path / "out", study="other")
    path = archive_of(tmp_path / "reports", "s")
    keep_records(collect(study="other", output_root=tmp_path / "out"), path)
    with pytest.raises(UserError, match="holds study other, not s"):
        make_report(study="s", output_root=tmp_path / "out", reports_root=tmp_path / "reports")


@pytest.mark.slow
def test_the_command_writes_and_reads_it(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study=quick", f"reports_root={tmp_path}"]
    assert command.command([*words, f"output_root={outputs}", "records=true"]) == 0
    assert f"records: {tmp_path}/quick/records.tar.xz (17 runs, " in capsys.readouterr().out
    assert command.command([*words, f"output_root={tmp_path / 'nothing'}"]) == 0
    with pytest.raises(UserError, match="no run directories"):
        command.command([*words, f"output_root={tmp_path / 'nothing'}", "records=false"])
    with pytest.raises(UserError, match="records=maybe is not true or false"):
        command.command([*words, "records=maybe"])


def test_120_runs_of_500_predictions_and_1000_rows_are_small(tmp_path: Path) -> None:
    for seed in range(12):
        make_run(tmp_path / "out", study="s", seed=seed, examples=500, rows=200)
    path = tmp_path / "records.tar.xz"
    keep_records(collect(study="s", output_root=tmp_path / "out"), path)
    assert path.stat().st_size < 12 * 3e6 / 120
    shutil.rmtree(tmp_path / "out")
