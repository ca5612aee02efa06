"""hrm-demo: shows a run think: the answer after every segment, with what changed."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import key_values, whole_number
from hrmlab.cli.command import run_command
from hrmlab.cli.demo_figures import Question, draw_depth, draw_questions
from hrmlab.cli.opening import TRAINER_KEYS, open_chosen
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from hrmlab.data.example_set import ExampleSet
    from hrmlab.data.task import Task
    from hrmlab.workflows.opened import OpenedRun

NAME = "hrm-demo"
_HELP = """\
Shows what a trained run answers to a puzzle after each segment: cells that changed are marked, and whether the answer is right.

Usage: hrm-demo run=RUN_DIRECTORY [puzzle=TEXT | data.path=FILE] [KEY=VALUE ...]

  run=DIR               a run directory, or a folder with a published checkpoint (then also data=sudoku)
  puzzle=TEXT           one puzzle in the notation of the task's files: a Sudoku row by row with . for an empty cell, a maze with # S G;
                        for ARC a task's JSON file, every test input of which is shown in colours;
                        of a run of code the beginning of a program: what it writes with 1, 2 ... segments for each token
  data.path=FILE        the first puzzles of a file; without puzzle and file: of the run's test split
  count=N               how many of them (default 1)
  segments=N            how many segments to run (default: the model's own)
  figures=FOLDER        also draw PNG files there: how the answer came about, Q-values, states, attention; and of up to 500 examples
                        after how many segments the model stops
  checkpoint=best|last  which weights (default: the ones the run's own test used)
  trainer.accelerator=cpu|gpu|auto   trainer.threads=N

Examples:
  hrm-demo run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d puzzle="1.3..41..14.4..1"
  hrm-demo run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d count=3 figures=pictures
"""
_OWN = ("run", "data", "checkpoint", "puzzle", "count", "segments", "figures")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Solve and show; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, changes = key_values(arguments, keys=_OWN, sections={"data": None, "trainer": TRAINER_KEYS})
    count, segments = whole_number(own, "count", 1), whole_number(own, "segments", 0) or None
    path = changes["data"].pop("path", None)
    if path is not None and "puzzle" in own:
        raise UserError(f"puzzle= and data.path={path} are two sources of puzzles; keep one")
    folder = Path(own["figures"]) if "figures" in own else None
    if folder is not None:
        from hrmlab.reporting.figures.traced.write import figures_folder

        figures_folder(folder)
    opened = open_chosen(own, changes).opened
    examples = None if "puzzle" in own and folder is None else _examples(opened.task, path)
    questions = list(_questions(opened, own.get("puzzle"), examples, count))
    for number, question in enumerate(questions, start=1):
        if number > 1:
            print()
        writes = "puzzle" in own and opened.task.spec.next_token
        lines = drafts(opened, own["puzzle"], segments=segments) if writes else thoughts(opened, question, segments=segments)
        for line in lines:
            print(line, flush=True)
    if folder is not None:
        print()
        for path in [*draw_questions(opened, questions, folder, segments=segments), *draw_depth(opened, examples, folder)]:
            print(f"figure: {path}")
    return 0


def _examples(task: "Task", path: str | None) -> "ExampleSet":
    return task.read(path) if path is not None else task.load(progress=True).test


def _questions(opened: "OpenedRun", puzzle: str | None, examples: "ExampleSet | None", count: int) -> Iterator[Question]:
    asked = examples if puzzle is None else opened.task.questions(puzzle)
    if asked is not None:
        for row in range(len(asked) if puzzle is not None else min(count, len(asked))):
            yield Question(asked.inputs[row], asked.labels[row], int(asked.puzzle_ids[row]))


def thoughts(opened: "OpenedRun", question: Question, *, segments: int | None) -> Iterator[str]:
    """The lines that show one puzzle being solved."""
    from hrmlab.core.task import IGNORED_LABEL

    inputs, labels, puzzle_id = question
    task, solved = opened.task, opened.solve(inputs, segments=segments, puzzle_id=puzzle_id)
    colour = sys.stdout.isatty()
    yield f"{task.words.example}:"
    yield marked(task, inputs, inputs != inputs, colour=colour)  # in the same columns as the answers
    before = inputs
    for number, said in enumerate(solved.answers, start=1):
        answer = task.completed(inputs, said)
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
        right = bool((solved.tokens[asked] == labels[asked]).all()) or bool(right)
    yield ""
    yield {True: "right", False: "wrong", None: "whether it is right is not known: the task's rules do not say, and no answer was given"}[
        right
    ]


def drafts(opened: "OpenedRun", prompt: str, *, segments: int | None) -> Iterator[str]:
    """The lines that show what a model of code writes after a prompt with one segment for each token, with two, and so on."""
    yield "prompt:"
    yield prompt
    before = None
    for number in range(1, (segments or opened.reasoner.max_segments) + 1):
        text = opened.write(prompt, segments=number)
        things = "segment" if number == 1 else "segments"
        yield ""
        yield f"written with {number} {things} for each token" + (": the same" if text == before else ":")
        if text != before:
            yield text
        before = text


def marked(task: "Task", tokens: "np.ndarray", changed: "np.ndarray", *, colour: bool) -> str:
    """An answer as a person looks at it, changed cells in bold colour on a terminal and in brackets elsewhere."""
    text = task.to_text(tokens)
    if task.spec.grid is None or len(text) != task.spec.sequence_length:
        return text
    rows, columns = task.spec.grid
    if task.palette:
        return coloured(task, text, changed) if colour else "\n".join(within(task, _bracketed(text, changed, columns), columns))
    left, right = ("\033[1;32m", "\033[0m") if colour else ("[", "]")
    cells = [
        f"{left}{character}{right}" if change else character if colour else f" {character} "
        for character, change in zip(text, changed.tolist(), strict=True)
    ]
    return "\n".join("".join(cells[row * columns : (row + 1) * columns]) for row in range(rows))


def _bracketed(text: str, changed: "np.ndarray", columns: int) -> list[list[str]]:
    cells = [f"[{symbol}]" if change else f" {symbol} " for symbol, change in zip(text, changed.tolist(), strict=True)]
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]


def within(task: "Task", cells: list[list[str]], columns: int) -> list[str]:
    """Rows of cells as lines, without what lies beyond a smaller grid at the right and below."""
    used = [[not task.outside or task.outside[0] not in cell for cell in row] for row in cells]
    wide = max((column + 1 for row in used for column in range(columns) if row[column]), default=columns)
    high = max((row + 1 for row, marks in enumerate(used) if any(marks)), default=len(cells))
    return ["".join(row[:wide]) for row in cells[:high]]


def coloured(task: "Task", text: str, changed: "np.ndarray") -> str:
    """Cells as blocks of their colour on a terminal, two columns wide; a changed one has a dot."""
    assert task.spec.grid is not None
    columns = task.spec.grid[1]
    blocks = []
    for symbol, change in zip(text, changed.tolist(), strict=True):
        red, green, blue = (int(task.palette.get(symbol, "#000000")[place : place + 2], 16) for place in (1, 3, 5))
        front = "30" if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else "97"
        outside = bool(task.outside) and symbol == task.outside[0]
        block = f"\033[{front};48;2;{red};{green};{blue}m{'· ' if change else '  '}\033[0m"
        blocks.append(f"{symbol * 2}" if outside else block)
    rows = [blocks[start : start + columns] for start in range(0, len(blocks), columns)]
    return "\n".join(within(task, rows, columns))


if __name__ == "__main__":
    main()
