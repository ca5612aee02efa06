"""Arms below what needs no learning are called that; a solver that solves everything is no baseline."""

from pathlib import Path
from typing import Any

import pytest

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.trivial import Below, TrivialSolver, below, best, notes, sentences, solves_everything, trivial_level
from hrmlab.reporting.report import make_report
from hrmlab.reporting.tables.trivial import trivial_tables
from hrmlab.reporting.text import share_interval
from hrmlab.statistics.intervals import Estimate
from run_factory import make_run


def solver(name: str, exact: float, cells: float) -> dict[str, Any]:
    scores = {"exact_accuracy": exact, "cell_accuracy": cells, "breaks_no_rule": exact}
    return {"name": name, "meaning": f"what {name} does", "count": 100, **scores}


def study(tmp_path: Path, entries: list[dict[str, Any]], **accuracy: float) -> Any:
    for arm, value in accuracy.items():
        for seed in (0, 1):
            make_run(tmp_path, arm=arm, seed=seed, accuracy=value, data={"trivial": entries})
    return collect(study="quick", output_root=tmp_path)


def test_an_arm_below_the_baseline_on_the_measure_that_counts(tmp_path: Path) -> None:
    found = study(tmp_path, [solver("copy", 0.0, 0.3), solver("guess", 0.5, 0.4)], hrm=0.4, transformer=0.7)
    (task,) = found.tasks
    (item,) = below(task)
    assert (item.arm, item.measure.name, item.solver.name) == ("hrm", "exact_accuracy", "guess")
    assert item.level.value == pytest.approx(0.4)
    assert item.is_shown
    assert sentences(found) == ["**sudoku_4x4**: `hrm` (40.0 %) is below the trivial baseline in exact accuracy: *guess* reaches 50.0 %."]
    assert trivial_level(task) == 0.5
    assert notes(found) == []


def test_a_mean_below_with_an_interval_that_is_not_is_called_that(tmp_path: Path) -> None:
    entries = [solver("guess", 0.5, 0.4)]
    for seed, value in enumerate((0.25, 0.4, 0.7)):
        make_run(tmp_path, arm="hrm", seed=seed, accuracy=value, data={"trivial": entries})
        make_run(tmp_path, arm="transformer", seed=seed, accuracy=0.3, data={"trivial": entries})
    found = collect(study="quick", output_root=tmp_path)
    (task,) = found.tasks
    assert {item.arm: item.is_shown for item in below(task)} == {"hrm": False, "transformer": True}
    level = next(item.level for item in below(task) if item.arm == "hrm")
    assert level.high is not None
    assert level.value < 0.5 < level.high
    sure, unsure = sentences(found)
    assert sure == "**sudoku_4x4**: `transformer` (30.0 %) is below the trivial baseline in exact accuracy: *guess* reaches 50.0 %."
    assert unsure == (
        f"**sudoku_4x4**: the mean of `hrm` (45.0 % {share_interval(level)}) is below the trivial baseline in exact accuracy, "
        "which its interval does not show: *guess* reaches 50.0 %."
    )
    ((_, table),) = trivial_tables(found)
    assert {row[0]: row[3] for row in table.rows[1:]} == {"`hrm`": "45.0 % (mean below)", "`transformer`": "30.0 % (below)"}


def test_of_an_error_the_lower_end_decides() -> None:
    error = Measure(name="steps", wording="steps", meaning="how many steps it took", unit="number", larger_is_better=False)
    lazy = TrivialSolver(name="lazy", meaning="it does nothing", count=9, values={"steps": 5.0})
    for low, is_shown in ((5.5, True), (4.5, False), (None, False)):
        level = Estimate(value=6.0, low=low, high=None if low is None else 7.0, count=3)
        assert Below(arm="hrm", measure=error, level=level, solver=lazy).is_shown == is_shown


def test_where_nothing_stands_out_another_measure_speaks(tmp_path: Path) -> None:
    found = study(tmp_path, [solver("copy", 0.0, 0.3), solver("guess", 1e-17, 0.999)], hrm=0.0, transformer=0.01)
    (task,) = found.tasks
    items = below(task)
    assert [(item.arm, item.measure.name) for item in items] == [("hrm", "cell_accuracy")]  # the transformer solves something
    assert "in cell accuracy: *guess* reaches 99.9 %" in sentences(found)[0]


def test_a_solver_of_everything_is_a_fact_about_the_task(tmp_path: Path) -> None:
    found = study(tmp_path, [solver("guess", 0.2, 0.4), solver("eliminate", 1.0, 1.0)], hrm=0.4, transformer=0.7)
    (task,) = found.tasks
    assert below(task) == []
    solved, chosen = solves_everything(task), best(task, task.measure)
    assert solved is not None
    assert chosen is not None
    assert (solved.name, chosen.name) == ("eliminate", "guess")
    assert notes(found)[0].startswith("sudoku_4x4: *eliminate* answers every puzzle right")


def test_the_table_has_solvers_and_arms_and_the_page_says_who_is_below(tmp_path: Path) -> None:
    entries = [solver("copy", 0.0, 0.3), solver("guess", 0.5, 0.4)]
    ((label, table),) = trivial_tables(study(tmp_path, entries, hrm=0.4, transformer=0.7))
    assert label == "sudoku_4x4"
    assert table.columns == ("Answers", "How", "Breaks no rule", "Exact accuracy", "Cell accuracy", "Test examples")
    assert table.rows[1] == ("guess", "what guess does", "50.0 %", "50.0 %", "40.0 %", "100")
    by_arm = {row[0]: row for row in table.rows[2:]}
    assert by_arm["`hrm`"][3] == "40.0 % (below)"
    assert "(below)" not in " ".join(by_arm["`transformer`"])
    page = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports").path.read_text()
    assert "`hrm` (40.0 %) is below the trivial baseline" in page
    assert '<h2 id="trivial-baselines">Trivial baselines</h2>' in page
    assert "| trivial baseline | 50.0 % |" in page


def test_a_broken_record_is_passed_over(tmp_path: Path) -> None:
    make_run(tmp_path, data={"trivial": [{"name": 3}, {"meaning": "x"}, "text", solver("guess", 0.5, 0.4) | {"exact_accuracy": "many"}]})
    found = collect(study="quick", output_root=tmp_path)
    assert trivial_level(found.tasks[0]) is None
    assert [row[0] for row in trivial_tables(found)[0][1].rows] == ["guess", "`hrm`"]
