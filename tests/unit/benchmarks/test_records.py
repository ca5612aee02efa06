"""The page of records: minutes until 95 %, of which seeds, and what stays of the page when it is written again."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import records

from hrmlab.reporting.collect.gather import collect
from run_factory import make_run


@pytest.fixture
def climbs(tmp_path: Path) -> list[records.Climb]:
    for seed in (0, 1):
        make_run(tmp_path, arm="hrm", seed=seed, accuracy=0.99)
        make_run(tmp_path, arm="transformer", seed=seed, accuracy=0.99 if seed else 0.6)
    return [records.climb(run) for run in collect(study="quick", output_root=tmp_path).runs]


def test_a_record_is_the_first_validation_at_95_percent(climbs: list[records.Climb]) -> None:
    for item in climbs:
        if item.run.labels.arm == "hrm":
            assert item.reached is not None
            minutes, step = item.reached
            place = int(np.flatnonzero(item.shares >= 0.95)[0])
            assert (item.shares[:place] < 0.95).all()
            assert minutes == pytest.approx(item.minutes[place])
            clock = item.run.curves["train/cpu_seconds"]
            assert minutes * 60 == pytest.approx(np.interp(step, clock.steps, clock.values))


def test_an_arm_with_a_seed_that_never_came_there_has_no_mean(climbs: list[records.Climb]) -> None:
    rows = {line.split("|")[2].strip(): line for line in records.table(climbs).splitlines()[2:]}
    assert "not by 1 of 2 seeds" in rows["`transformer`"]
    assert "never, " in rows["`transformer`"]
    found = [item.reached for item in climbs if item.run.labels.arm == "hrm"]
    mean = np.mean([reached[0] for reached in found if reached is not None])
    assert f"**{mean:.1f}**" in rows["`hrm`"]
    assert "0123456789" in rows["`hrm`"]  # the commit
    assert records.figure(climbs).startswith(b"\x89PNG")


def test_what_stands_above_the_mark_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hrmlab.reporting.collect.kept import keep_records
    from hrmlab.runs.archive import archive_of

    monkeypatch.chdir(tmp_path)
    page = tmp_path / "docs" / "records.md"
    (page.parent / "figures").mkdir(parents=True)
    assert records.main(["study=quick", f"page={page}"]) == 2
    assert "run hrm-sweep sweeps=quick --records" in capsys.readouterr().err
    make_run(Path("outputs"), accuracy=0.99)
    keep_records(collect(study="quick", output_root="outputs"), archive_of("reports", "quick"))
    page.write_text("# Records\n")
    assert records.main(["study=quick", f"page={page}"]) == 2
    assert "has no line" in capsys.readouterr().err
    page.write_text(f"# Records\n\nWords.\n\n{records.MARK}\n\nold\n")
    assert records.main(["study=quick", f"page={page}"]) == 0
    text = page.read_text()
    assert text.startswith("# Records\n\nWords.\n")
    assert "old" not in text
    assert "`sudoku_4x4`" in text
    assert (page.parent / "figures" / "quick.png").is_file()
