"""hrm-demo: shows a run think: the answer after every segment, with what changed."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.cli.opening import TRAINER_KEYS, open_chosen
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from hrmlab.data.task import Task
    from hrmlab.workflows.opened import OpenedRun

NAME = "hrm-demo"
_HELP = """\
Shows what a trained run answers to a puzzle after each segment: cells that changed are marked, and whether the answer is right.

Usage: hrm-demo run=RUN_DIRECTORY [puzzle=TEXT | data.path=FILE] [KEY=VALUE ...]

  run=DIR               a run directory, or a folder with a published checkpoint (then also data=sudoku)
  puzzle=TEXT           one puzzle in the notation of the task's files: a Sudoku row by row with . for an empty cell, a maze with # S G
  data.path=FILE        the first puzzles of a file; without puzzle and file: of the run's test split
  count=N               how many of them (default 1)
  segments=N            how many segments to run (default: the model's own)
  checkpoint=best|last  which weights (default: the ones the run's own test used)
  trainer.accelerator=cpu|gpu|auto   trainer.threads=N

Example:
  hrm-demo run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d puzzle="1.3..41..14.4..1"
"""
_OWN = ("run", "data", "checkpoint", "puzzle", "count", "segments")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Solve and show; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, changes = key_values(arguments, keys=_OWN, sections={"data": None, "trainer": TRAINER_KEYS})
    count, segments = _whole(own, "count", 1), _whole(own, "segments", None)
    path = changes["data"].pop("path", None)
    if path is not None and "puzzle" in own:
        raise UserError(f"puzzle= and data.path={path} are two sources of puzzles; keep one")
    opened = open_chosen(own, changes).opened
    for number, (inputs, labels) in enumerate(_questions(opened, own.get("puzzle"), path, count or 1), start=1):
        if number > 1:
            print()
        for line in thoughts(opened, inputs, labels, segments=segments):
            print(line, flush=True)
    return 0


def _whole(own: dict[str, str], key: str, default: int | None) -> int | None:
    if key not in own:
        return default
    if not own[key].isdecimal() or int(own[key]) < 1:
        raise UserError(f"{key}={own[key]} is not a whole number above 0")
    return int(own[key])


def _questions(opened: "OpenedRun", puzzle: str | None, path: str | None, count: int) -> "Iterator[tuple[np.ndarray, np.ndarray | None]]":
    """(inputs, labels) of the puzzles to show; labels None where the answer is not known."""
    if puzzle is not None:
        yield opened.encode(puzzle), None
        return
    task = opened.task
    examples = task.read(path) if path is not None else task.load(progress=True).test
    yield from ((examples.inputs[row], examples.labels[row]) for row in range(min(count, len(examples))))


def thoughts(opened: "OpenedRun", inputs: "np.ndarray", labels: "np.ndarray | None", *, segments: int | None) -> Iterator[str]:
    """The lines that show one puzzle being solved."""
    from hrmlab.core.task import IGNORED_LABEL

    task, solved = opened.task, opened.solve(inputs, segments=segments)
    colour = sys.stdout.isatty()
    yield f"{task.words.example}:"
    yield marked(task, inputs, inputs != inputs, colour=colour)  # in the same columns as the answers
    before = inputs
    for number, answer in enumerate(solved.answers, start=1):
        changed = answer != before
        stops = " (learned halting stops here)" if len(solved.answers) > 1 and number == round(solved.halting_segment) else ""
        yield ""
        things = f"{task.words.token}s" if int(changed.sum()) != 1 else task.words.token
        yield f"after segment {number}: {int(changed.sum())} {things} changed{stops}"
        yield marked(task, answer, changed, colour=colour)
        before = answer
    right: Any = solved.right
    if labels is not None and (labels != IGNORED_LABEL).any():
        asked = labels != IGNORED_LABEL
        right = bool((solved.tokens[asked] == labels[asked]).all()) or right
    yield ""
    yield {True: "right", False: "wrong", None: "whether it is right is not known: the task's rules do not say, and no answer was given"}[
        right
    ]


def marked(task: "Task", tokens: "np.ndarray", changed: "np.ndarray", *, colour: bool) -> str:
    """An answer as a person looks at it, changed cells in bold colour on a terminal and in brackets elsewhere."""
    text = task.to_text(tokens)
    if task.spec.grid is None or len(text) != task.spec.sequence_length:
        return text
    rows, columns = task.spec.grid
    left, right = ("\033[1;32m", "\033[0m") if colour else ("[", "]")
    cells = [
        f"{left}{character}{right}" if change else character if colour else f" {character} "
        for character, change in zip(text, changed.tolist(), strict=True)
    ]
    return "\n".join("".join(cells[row * columns : (row + 1) * columns]) for row in range(rows))


if __name__ == "__main__":
    main()
