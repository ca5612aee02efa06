"""runs.json: all that a report knows, run by run, for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.axes import AcrossAxes
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.finished import Finished
from hrmlab.reporting.compare.leaks import leak_state
from hrmlab.reporting.compare.verdict import Verdict


def runs_json(
    study: Study,
    comparisons: tuple[Comparison, ...],
    across: tuple[AcrossAxes, ...],
    states: tuple[Finished, ...],
    card: tuple[Check, ...],
    said: Verdict,
    written: str,
) -> Iterator[bytes]:
    """runs.json piece by piece: of many runs it is larger than all that the report holds of them."""
    content = {
        "study": study.name,
        "written": written,
        "baseline": study.baseline,
        "subjects": list(study.subjects),
        "left_out": study.left_out,
        "verdict": asdict(said),
        "comparisons": [
            {**asdict(comparison), "score": comparison.score, "finding": comparison.finding, "words": comparison.words}
            for comparison in comparisons
        ],
        "axes": [{**asdict(item), "agreement": item.agreement} for item in across],
        "convergence": [asdict(item) for item in states],
        "fairness": [asdict(check) for check in card],
        "gaps": list(study.gaps),
        "counted": [],
        "not_counted": [asdict(item) for item in study.listed],
    }
    before, _, after = json.dumps(content, indent=1, ensure_ascii=False).partition('\n "counted": []')
    yield f'{before}\n "counted": ['.encode()
    runs = study.runs
    for place, item in enumerate(_counted(runs)):
        text = json.dumps(item, indent=1, ensure_ascii=False).replace("\n", "\n  ")  # no text within holds a line break of its own
        yield f"{',' if place else ''}\n  {text}".encode()
    yield f"{chr(10) + ' ' if runs else ''}]{after}\n".encode()


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
