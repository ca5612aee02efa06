"""A study rebuilt from W&B: what its client answers is recorded here, in the shape of its public interface."""

import io
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hrmlab.cli import report as command
from hrmlab.core.errors import UserError
from hrmlab.reporting.report import make_report
from hrmlab.reporting.wandb_source import fetch_study, project_of
from hrmlab.runs.directory import RunDirectory
from run_factory import make_run


class RecordedFile:
    """As ``wandb.apis.public.File``: downloads to ROOT/NAME and returns the opened file."""

    def __init__(self, name: str, content: Path) -> None:
        self.name, self._content = name, content

    def download(self, root: str = ".", replace: bool = False) -> io.TextIOWrapper:
        place = Path(root, self.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._content, place)
        return place.open()


class RecordedRun:
    """As ``wandb.apis.public.Run``, of a training run with logger=wandb: W&B's own files and the records."""

    def __init__(self, run: RunDirectory, *, complete: bool = True) -> None:
        self.id = f"{run.hash}-{run.labels.seed}-{run.path.name}"
        self.state = "finished" if complete else "crashed"
        self.study = run.labels.study
        own = [RecordedFile(name, run.path / "config.yaml") for name in ("config.yaml", "wandb-metadata.json", "output.log")]
        records = [RecordedFile(f"{run.path.name}/{path.name}", path) for path in run.record_files()]
        self._files = [*own, *(records if complete else [])]

    def files(self) -> Iterable[RecordedFile]:
        return iter(self._files)


class RecordedApi:
    """As ``wandb.Api``: filters by group, as asked."""

    def __init__(self, runs: list[RecordedRun]) -> None:
        self._runs, self.asked = runs, []

    def runs(self, path: str, filters: dict[str, Any]) -> Iterable[RecordedRun]:
        self.asked.append((path, filters))
        if path != "me/hrmlab":
            raise ValueError(f"Could not find project {path}")
        return (run for run in self._runs if run.study == filters["group"])


@pytest.fixture
def trained(tmp_path: Path) -> list[RunDirectory]:
    runs = [make_run(tmp_path / "elsewhere", study="s", arm=arm, seed=seed) for arm in ("hrm", "transformer") for seed in (0, 1)]
    for run in runs:
        (run.path / "generations").mkdir()
        (run.path / "generations" / "test.jsonl.gz").write_bytes(b"large")
        run.complete(run.read_json("summary.json") or {})
    return runs


@pytest.fixture
def api(trained: list[RunDirectory], tmp_path: Path) -> RecordedApi:
    other = make_run(tmp_path / "elsewhere", study="other")
    broken = make_run(tmp_path / "elsewhere", study="s", seed=7, state="interrupted")
    return RecordedApi([*map(RecordedRun, trained), RecordedRun(other), RecordedRun(broken, complete=False)])


def test_a_study_is_rebuilt_from_its_runs(api: RecordedApi, trained: list[RunDirectory], tmp_path: Path) -> None:
    assert fetch_study(api, project="me/hrmlab", study="s", folder=tmp_path / "fetched") == (4, 1)
    assert api.asked == [("me/hrmlab", {"group": "s", "jobType": {"$ne": "report"}})]
    for run in trained:
        fetched = RunDirectory.open(tmp_path / "fetched" / run.path.relative_to(tmp_path / "elsewhere"))
        assert fetched.state == "completed"
        assert fetched.verify() == []
    first = make_report(study="s", output_root=tmp_path / "fetched", reports_root=tmp_path / "one", source="wandb:me/hrmlab")
    second = make_report(study="s", output_root=tmp_path / "elsewhere", reports_root=tmp_path / "two")
    assert (first.path.parent / "results.csv").read_bytes() == (second.path.parent / "results.csv").read_bytes()
    told = first.path.read_text()
    assert "4 runs from `wandb:me/hrmlab`" in told
    assert "hrm-report study=s source=wandb:me/hrmlab" in told
    assert str(tmp_path / "fetched") not in told


def test_what_was_changed_on_the_way_does_not_count(api: RecordedApi, trained: list[RunDirectory], tmp_path: Path) -> None:
    (trained[0].path / "metrics.csv").write_text("step,seconds,metric,value\n")
    fetch_study(api, project="me/hrmlab", study="s", folder=tmp_path / "fetched")
    report = make_report(study="s", output_root=tmp_path / "fetched", reports_root=tmp_path / "reports")
    assert [item.state for item in report.study.listed] == ["not verified"]


def test_two_launches_under_one_name_are_both_there(trained: list[RunDirectory], tmp_path: Path) -> None:
    twice = RecordedApi([RecordedRun(trained[0]), RecordedRun(trained[0])])
    assert fetch_study(twice, project="me/hrmlab", study="s", folder=tmp_path / "fetched") == (2, 0)


@pytest.mark.parametrize(
    ("project", "study", "said"),
    [
        ("me/nothing", "s", "source=wandb:me/nothing cannot be read: Could not find project"),
        ("me/hrmlab", "t", "holds nothing for study=t: it has no runs of this study"),
    ],
)
def test_what_is_not_there_is_one_sentence(api: RecordedApi, tmp_path: Path, project: str, study: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        fetch_study(api, project=project, study=study, folder=tmp_path / "fetched")


@pytest.mark.parametrize("source", ["me/hrmlab", "wandb:", "wandb:a/b/c", "wandb:me/"])
def test_a_source_that_is_none(source: str) -> None:
    with pytest.raises(UserError, match="is not wandb:ENTITY/PROJECT"):
        project_of(source)


def test_the_command(api: RecordedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers: Callable[[], RecordedApi] = lambda: api  # noqa: E731
    monkeypatch.setattr("hrmlab.reporting.wandb_source.wandb_api", answers)
    assert command.command(["study=s", "source=wandb:me/hrmlab", f"reports_root={tmp_path / 'reports'}", "records=true"]) == 0
    said = capsys.readouterr().out
    assert "s: 4 runs from W&B; 1 has no records of a completed run" in said
    assert "(4 runs, " in said
    assert (tmp_path / "reports/s/records.tar.xz").is_file()
