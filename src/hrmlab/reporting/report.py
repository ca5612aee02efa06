"""Writes a study's report: ``<reports_root>/<study>/`` with report.md, report.html, figures/, results.csv and runs.json."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare import scores, trivial
from hrmlab.reporting.compare.comparisons import Comparison, compare
from hrmlab.reporting.compare.leaks import leak_paragraphs, leak_state
from hrmlab.reporting.compare.verdict import Verdict, verdict
from hrmlab.reporting.figures.drawing import Picture
from hrmlab.reporting.figures.figures import draw
from hrmlab.reporting.page.card_table import fairness_table
from hrmlab.reporting.page.origin import origin
from hrmlab.reporting.page.render import render_html, render_markdown
from hrmlab.reporting.page.rows import results_csv
from hrmlab.reporting.tables import costs, evaluation_sets, measures
from hrmlab.reporting.tables.comparisons import comparison_table, per_seed_table
from hrmlab.reporting.tables.contamination import contamination_examples, contamination_table
from hrmlab.reporting.tables.depths import depth_table
from hrmlab.reporting.tables.left_out import listed_table
from hrmlab.reporting.tables.main import main_table
from hrmlab.reporting.tables.ratings import rating_table
from hrmlab.reporting.tables.trivial import trivial_tables
from hrmlab.runs.files import write_files


@dataclass(frozen=True, kw_only=True)
class Report:
    """A written report and what stands in it."""

    path: Path
    study: Study
    comparisons: tuple[Comparison, ...]
    card: tuple[Check, ...]
    verdict: Verdict
    pictures: list[Picture]

    @property
    def first_words(self) -> list[str]:
        """What a terminal shows of it: the runs left out, the verdict, the sentences behind it; plain text."""
        sentences = [self.study.left_out, self.verdict.summary, *(f"  {sentence}" for sentence in self.verdict.details)]
        return [sentence.replace("`", "").replace("**", "") for sentence in sentences if sentence]


def write_report(
    *, study: str, output_root: str | Path = "outputs", reports_root: str | Path = "reports", baseline: str | None = None
) -> Path:
    """Write the report of a study from its run directories and return the path of report.md.

    Raises:
        UserError: no such study, no such baseline, or the reports folder cannot be written.
    """
    return make_report(study=study, output_root=output_root, reports_root=reports_root, baseline=baseline).path


def make_report(
    *, study: str, output_root: str | Path = "outputs", reports_root: str | Path = "reports", baseline: str | None = None
) -> Report:
    """As :func:`write_report`, returning what stands in the report as well."""
    collected = collect(study=study, output_root=output_root, baseline=baseline)
    comparisons = compare(collected)
    card = fairness_card(collected)
    said = verdict(collected, comparisons)
    pictures = draw(collected)
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
        "below_trivial": trivial.sentences(collected),
        "trivial_notes": trivial.notes(collected),
        "trivial": trivial_tables(collected),
        "comparisons": comparisons,
        "claims": sum(not comparison.leaking for comparison in comparisons),
        "warnings": [check.name.lower() for check in card if check.status == "WARNING"],
        "main": main_table(collected, comparisons),
        "comparison_rows": comparison_table(comparisons),
        "per_seed": per_seed_table(comparisons),
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
        "origin": origin(collected, output_root=str(output_root), reports_root=str(reports_root), written=written),
    }
    files = {f"figures/{picture.name}": picture.png for picture in pictures}
    files["results.csv"] = results_csv(collected.runs).encode()
    files["runs.json"] = _runs_json(collected, comparisons, card, said, written).encode()
    files["report.html"] = render_html(content, title=f"{study}: hrmlab report").encode()
    files["report.md"] = render_markdown(content).encode()
    folder = Path(reports_root) / study
    _publish(folder, files)
    return Report(path=folder / "report.md", study=collected, comparisons=comparisons, card=card, verdict=said, pictures=pictures)


def _publish(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files beside their places first and move them in last, report.md at the very end; other files in the folder stay."""
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        write_files(folder, files)
    except OSError as error:
        raise UserError(f"reports_root={str(folder.parent)!r} cannot be written ({error.strerror}); choose another folder") from None
    for picture in (folder / "figures").glob("*.png"):
        if f"figures/{picture.name}" not in files:
            picture.unlink()


def _runs_json(study: Study, comparisons: tuple[Comparison, ...], card: tuple[Check, ...], said: Verdict, written: str) -> str:
    content = {
        "study": study.name,
        "written": written,
        "baseline": study.baseline,
        "subjects": list(study.subjects),
        "left_out": study.left_out,
        "verdict": asdict(said),
        "comparisons": [{**asdict(comparison), "score": comparison.score, "finding": comparison.finding} for comparison in comparisons],
        "fairness": [asdict(check) for check in card],
        "gaps": list(study.gaps),
        "counted": list(_counted(study.runs)),
        "not_counted": [asdict(item) for item in study.listed],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _counted(runs: list[RunRecord]) -> Iterator[dict[str, Any]]:
    for run in runs:
        yield {
            "run": run.name,
            "labels": asdict(run.labels),
            "hash": run.hash,
            "completed": run.completed,
            "overrides": run.overrides,
            "leaks": leak_state(run),
            "summary": run.summary,
            "budget": run.budget,
            "data": run.data,
            "provenance": run.provenance,
            "audit": run.audit,
            "problems": list(run.problems),
        }
