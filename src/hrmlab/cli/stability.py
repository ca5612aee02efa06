"""hrm-audit stability: whether a run stays with what it found, as a table on the terminal and as JSON beside the run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hrmlab.cli.arguments import key_values, whole_number
from hrmlab.cli.opening import TRAINER_KEYS, open_chosen
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Words
from hrmlab.reporting.text import percent, share_interval

if TYPE_CHECKING:
    from hrmlab.audits.stability import Share, Stability

_OWN = ("run", "data", "checkpoint", "beyond", "count")
_COUNT = 500


def stability(arguments: Sequence[str]) -> int:
    """Follow a run's answers and say where they end; nothing that it says is a leak, so the code is 0."""
    own, changes = key_values(arguments, keys=_OWN, sections={"data": None, "trainer": TRAINER_KEYS})
    beyond, count = whole_number(own, "beyond", 4), whole_number(own, "count", _COUNT)
    if own.get("checkpoint", "best") not in ("best", "last"):
        raise UserError(f"checkpoint={own['checkpoint']!r} is not a choice; use best or last")
    path = changes["data"].pop("path", None)
    progress = bool(changes["trainer"].get("progress_bar", True))
    opened = open_chosen(own, changes).opened
    import numpy as np

    from hrmlab.audits.stability import audit_stability
    from hrmlab.runs.files import write_json
    from hrmlab.workflows.evaluate import new_folder

    if not opened.computation.initial_carry(1):
        name = opened.config.model.name if opened.config is not None else "the model"
        raise UserError(
            f"run={own['run']} ({name}) answers in one pass and carries nothing from segment to segment, so it has no answer to leave or "
            "to keep; give a run of an arm with segments, such as model=hrm"
        )
    task = opened.task
    examples = task.read(path) if path is not None else task.load(progress=progress).test
    examples = examples.select(np.arange(min(count, len(examples))))
    information = opened.information()
    found = audit_stability(
        opened.computation,
        task=task,
        examples=examples,
        beyond=beyond,
        device=opened.device,
        progress=progress,
        flops=information.flops.inference_example / information.segments,
    )
    source = str(path or "the test split")
    folder = new_folder(Path(own["run"]), "stability")
    about = {"data": source, "checkpoint": own.get("checkpoint"), "step": opened.step}
    write_json(folder / "result.json", {**about, **found.to_dict()})
    show(found, words=task.words, source=source)
    print(f"\nas JSON: {folder / 'result.json'}")
    return 0


def show(found: "Stability", *, words: Words, source: str) -> None:
    """The tables, on standard output."""
    things, last, cap = f"{words.example}s", found.segments, found.cap
    print(f"{found.examples} {things} of {source}, followed for {last} segments (training: {cap}); intervals are Wilson's, 95 %\n")
    outcomes: list[tuple[str, Share]] = [
        (f"solved after the {cap} segments of training", found.solved),
        (f"  of these, solved after every further segment up to {last}", found.kept),
        (f"  of these, solved after segment {last}", found.solved_at_end),
        ("solved after any segment", found.ever_solved),
        ("  of these, never left again", found.never_left),
        (f"after segment {last}: right, at rest", found.right_at_rest),
        (f"after segment {last}: right, still changing", found.right_in_motion),
        (f"after segment {last}: wrong, at rest (a wrong fixed point)", found.wrong_at_rest),
        (f"after segment {last}: wrong, still changing", found.wrong_in_motion),
    ]
    _table(("", "count", "share", "interval"), [(label, *_cells(share)) for label, share in outcomes])
    segments = "segment" if found.window == 1 else f"{found.window} segments"
    print(f"(at rest: the answer did not change over the last {segments})\n")
    settled = [(kind, one) for kind, one in found.settling.items() if one.count]
    columns = ("segments until an answer at rest no longer changed", "count", "half", "90 %", "all")
    _table(columns, [(kind, str(one.count), f"{one.median:g}", f"{one.ninetieth:g}", str(one.latest)) for kind, one in settled])
    print()
    _table(
        ("solved after segment", "count", "share", "interval"), [(str(n), *_cells(found.by_segment[n - 1])) for n in _milestones(cap, last)]
    )
    if not found.by_left:
        print(f"\n(no easier {things}: this task does not say how a part of an answer is given away)")
        return
    print()
    rows = [("all" if level.left is None else str(level.left), *_cells(level.solved)) for level in found.by_left]
    _table((f"{words.token}s left to find (solved after {cap} segments)", "count", "share", "interval"), rows)
    print(f"({things} with fewer {words.token}s to find are left out of a row)")


def _cells(share: "Share") -> tuple[str, str, str]:
    found = share.estimate
    return f"{share.count} of {share.of}", percent(None if found is None else found.value), share_interval(found)


def _milestones(cap: int, last: int) -> list[int]:
    """1, 2, 4 ... below the cap, the cap, and its doubles up to the last segment."""
    below = [1 << power for power in range(cap.bit_length()) if 1 << power < cap]
    return [*below, *(cap << power for power in range(last.bit_length()) if cap << power < last), last]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, the first to the left."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True, min_width=60 if place == 0 else 10)
    for row in rows:
        table.add_row(*row)
    Console(width=140, highlight=False, markup=False).print(table)
