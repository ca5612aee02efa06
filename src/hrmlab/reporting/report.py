"""Writes a study's report: ``<reports_root>/<study>/`` with report.md, report.html, figures/, table.tex, results.*, runs.json.

The archive of the study's records, ``records.tar.xz``, lies beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.selection import EVERYTHING, Selection, studies_of
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare import scores, trivial
from hrmlab.reporting.compare.axes import SCHEDULE_CAVEAT, AcrossAxes, across_axes
from hrmlab.reporting.compare.comparisons import Comparison, compare, margin_words
from hrmlab.reporting.compare.failures import task_failures
from hrmlab.reporting.compare.finished import Finished, finished, limit_words, marks_used, rate_words
from hrmlab.reporting.compare.leaks import leak_paragraphs
from hrmlab.reporting.compare.over_tasks import equal_draws
from hrmlab.reporting.compare.practice import equal_gains, warm_up_note
from hrmlab.reporting.compare.progress import stand_ins
from hrmlab.reporting.compare.results import results
from hrmlab.reporting.compare.scope import axis_warnings, checked_axis, scope, scoped
from hrmlab.reporting.compare.segments import segment_wording
from hrmlab.reporting.compare.verdict import Verdict, verdict
from hrmlab.reporting.figures.drawing import Picture
from hrmlab.reporting.figures.figures import draw
from hrmlab.reporting.page.card_table import fairness_table
from hrmlab.reporting.page.charts import as_script, charts
from hrmlab.reporting.page.latex import latex_table
from hrmlab.reporting.page.origin import origin
from hrmlab.reporting.page.render import render_html, render_markdown
from hrmlab.reporting.page.result_plot import result_plots
from hrmlab.reporting.page.rows import result_columns, results_csv, results_parquet
from hrmlab.reporting.page.runs_json import runs_json
from hrmlab.reporting.tables import arms, costs, evaluation_sets, measures
from hrmlab.reporting.tables.axes import axes_notes, axes_table
from hrmlab.reporting.tables.comparisons import comparison_table, pairing_notes
from hrmlab.reporting.tables.contamination import contamination_examples, contamination_table
from hrmlab.reporting.tables.convergence import convergence_table
from hrmlab.reporting.tables.depths import depth_table
from hrmlab.reporting.tables.left_out import listed_table
from hrmlab.reporting.tables.main import main_table
from hrmlab.reporting.tables.over_tasks import over_tasks_tables
from hrmlab.reporting.tables.practice import practice_tables
from hrmlab.reporting.tables.ratings import rating_table
from hrmlab.reporting.tables.segments import segment_table
from hrmlab.reporting.tables.trivial import trivial_tables
from hrmlab.runs.archive import archive_of, read_archive
from hrmlab.runs.files import write_files


@dataclass(frozen=True, kw_only=True)
class Report:
    """A written report and what stands in it."""

    path: Path
    study: Study
    comparisons: tuple[Comparison, ...]
    across: tuple[AcrossAxes, ...]
    states: tuple[Finished, ...]
    card: tuple[Check, ...]
    verdict: Verdict
    pictures: list[Picture]

    @property
    def first_words(self) -> list[str]:
        """What a terminal shows of it: the runs left out, the verdict, the sentences behind it; plain text."""
        sentences = [self.study.left_out, self.verdict.summary, *(f"  {sentence}" for sentence in self.verdict.details)]
        return [sentence.replace("`", "").replace("**", "") for sentence in sentences if sentence]


def write_report(
    *,
    study: str,
    output_root: str | Path = "outputs",
    reports_root: str | Path = "reports",
    baseline: str | None = None,
    axis: str = "steps",
) -> Path:
    """Write the report of a study from its run directories and its archive and return the path of report.md.

    Args:
        axis: on which the headline compares: steps, examples, flops or time.

    Raises:
        UserError: no such study, no such baseline, no such axis, or the reports folder cannot be written.
    """
    return make_report(study=study, output_root=output_root, reports_root=reports_root, baseline=baseline, axis=axis).path


def make_report(
    *,
    study: str,
    output_root: str | Path = "outputs",
    reports_root: str | Path = "reports",
    baseline: str | None = None,
    axis: str = "steps",
    archived: bool = True,
    selection: Selection = EVERYTHING,
    source: str = "",
) -> Report:
    """As :func:`write_report`, returning what stands in the report as well.

    Args:
        study: one, or several side by side: ``a,b``.
        archived: whether runs that are in the archive alone are reported too.
        selection: the part that is reported, in a folder of its own.
        source: where the run directories under the output root were fetched from, for the record; empty where they were made there.
    """
    headline_axis = checked_axis(axis)
    found = [read_archive(archive_of(reports_root, name)) for name in studies_of(study)] if archived else []
    archives = [archive for archive in found if archive is not None]
    collected = collect(study=study, output_root=output_root, baseline=baseline, archives=archives, selection=selection)
    comparisons = compare(collected)
    card = fairness_card(collected)
    across, states = across_axes(collected, comparisons), finished(collected)
    said = scoped(verdict(collected, comparisons), collected, across, states, axis=headline_axis)
    shown = results(collected, comparisons)
    failures = task_failures(collected)
    pictures = draw(collected, shown, failures)
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    content: dict[str, Any] = {
        "study": collected,
        "verdict": said,
        "leaks": leak_paragraphs(collected),
        "scores": scores.score_names(collected),
        "meaning": scores.meaning(collected),
        "only_shares": scores.only_shares(collected),
        "meanings": measures.meanings(collected),
        "has_verdicts": evaluation_sets.has_verdicts(collected),
        "given_tokens": [task.label for task in collected.tasks if any(run.predicts_next_token for run in task)],
        "copied": measures.copied_things(collected),
        "has_copied_text": measures.has_copied_text(collected),
        "left_out": collected.left_out,
        "examples": text.listing(list(dict.fromkeys(f"{task.words.example}s" for task in collected.tasks))),
        "below_trivial": trivial.sentences(collected),
        "trivial_notes": trivial.notes(collected),
        "trivial": trivial_tables(collected),
        "comparisons": comparisons,
        "asked": sum(comparison.corrected is not None for comparison in comparisons),
        "margin": margin_words(collected),
        "warnings": [check.name.lower() for check in card if check.status == "WARNING"],
        "scope": scope(collected, states, axis=headline_axis),
        "result_picture": next((picture for picture in pictures if picture.topic == "result"), None),
        "result_plots": result_plots(collected, shown),
        "main": (main := main_table(collected, comparisons, states)),
        "marks": marks_used(states),
        "arms": arms.arms_table(collected),
        "alike": arms.alike(collected),
        "several_values": arms.several_values(collected),
        "halting": any(task.halts for task in collected.tasks),
        "drawn": costs.drawn_things(collected),
        "failures": failures,
        "axes": axes_table(across),
        "axes_notes": axes_notes(across),
        "axis_warnings": axis_warnings(collected, across),
        "schedule_caveat": SCHEDULE_CAVEAT,
        "convergence": convergence_table(states),
        "stand_ins": stand_ins(collected),
        "relevant_gain": limit_words(states),
        "rate_words": rate_words(collected),
        "by_segment": [(task.label, table) for task in collected.tasks if (table := segment_table(task))],
        "segment_wording": text.sentence_case(segment_wording(collected)),
        "busy": costs.busy_note(collected),
        "comparison_rows": comparison_table(comparisons),
        "over_tasks": over_tasks_tables(collected),
        "equal_draws": equal_draws(collected),
        "pairing_notes": pairing_notes(comparisons),
        "practice": practice_tables(collected),
        "warm_up_note": warm_up_note(collected),
        "equal_gains": equal_gains(collected),
        "sets": evaluation_sets.set_tables(collected),
        "depths": [(task.label, table) for task in collected.tasks if (table := depth_table(task))],
        "depth_scores": list(dict.fromkeys(task.measure.wording for task in collected.tasks if depth_table(task))),
        "rating_scores": list(dict.fromkeys(task.measure.wording for task in collected.tasks if rating_table(task))),
        "single": [task.label for task in collected.tasks if any(len(task.runs(arm)) == 1 for arm in task.arms)],
        "secondary": measures.secondary_tables(collected),
        "budget": costs.budget_table(collected),
        "cost": costs.cost_table(collected),
        "ratings": [(task.label, table) for task in collected.tasks if (table := rating_table(task))],
        "fairness": fairness_table(card),
        "contamination": contamination_table(collected),
        "contamination_examples": contamination_examples(collected),
        "listed": listed_table(collected),
        "pictures": pictures,
        "origin": origin(collected, output_root=str(output_root), reports_root=str(reports_root), written=written, source=source),
    }
    sections = _sections(content)
    files: dict[str, bytes | Iterator[bytes]] = {f"figures/{name}": data for picture in pictures for name, data in picture.files.items()}
    columns = result_columns(collected.runs)
    files["results.csv"] = results_csv(columns).encode()
    files["results.parquet"] = results_parquet(columns)
    del columns
    files["table.tex"] = latex_table(main, caption=_caption(content), label=f"tab:{study}").encode()
    files["runs.json"] = runs_json(collected, comparisons, across, states, card, said, written)
    files["report.html"] = render_html(content, sections, title=f"{study}: hrmlab report", charts=as_script(charts(collected))).encode()
    files["report.md"] = render_markdown(content, sections).encode()
    folder = Path(reports_root) / selection.folder(collected.names)
    _publish(folder, files)
    return Report(
        path=folder / "report.md",
        study=collected,
        comparisons=comparisons,
        across=across,
        states=states,
        card=card,
        verdict=said,
        pictures=pictures,
    )


def _sections(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, template) of the parts below the first screen, in order; those that have nothing to say leave themselves out."""
    return [
        ("Arms", "arms"),
        ("Comparisons", "comparisons"),
        ("All tasks together", "over_tasks"),
        ("Equal what", "axes"),
        ("Converged", "convergence"),
        ("Over sizes", "sizes"),
        ("Learning by reward", "practice"),
        ("Learning curves", "learning"),
        ("Test sets", "test_sets"),
        (f"{text.heading(text.listing(content['depth_scores']))} by depth", "depth"),
        ("Trivial baselines", "trivial"),
        ("Further measures", "measures"),
        ("Accuracy by segments at inference", "segments"),
        ("Accuracy by difficulty" if content["only_shares"] else "Results by difficulty", "difficulty"),
        ("Where one arm fails and the other does not", "failures"),
        ("Budget and cost", "costs"),
        ("Fairness card", "fairness"),
        ("Runs that do not count", "left_out"),
        ("Provenance", "provenance"),
    ]


def _caption(content: dict[str, Any]) -> str:
    """Of the main table in a paper."""
    baseline = content["study"].baseline
    below = f"; below it the difference to `{baseline}`" if content["comparisons"] and baseline in content["study"].arms else ""
    return f"Test {text.listing(content['scores'], conjunction='or')}: mean over seeds and 95 % interval{below}. {content['scope']}".strip()


def _publish(folder: Path, files: dict[str, bytes | Iterator[bytes]]) -> None:
    """Write all files beside their places first and move them in last, report.md at the very end; other files in the folder stay."""
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        write_files(folder, files)
    except OSError as error:
        raise UserError(f"reports_root={str(folder.parent)!r} cannot be written ({error.strerror}); choose another folder") from None
    for ending in ("png", "pdf"):
        for picture in (folder / "figures").glob(f"*.{ending}"):
            if f"figures/{picture.name}" not in files:
                picture.unlink()
