"""hrm-eval: scores a run or a published checkpoint on every row of a user's file, on its test split, or on problems of code."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.cli.opening import TRAINER_KEYS, device_of, open_chosen
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Measure, counting

if TYPE_CHECKING:
    from hrmlab.config.schema import Evaluation
    from hrmlab.workflows.evaluate import Evaluated

NAME = "hrm-eval"
_HELP = """\
Scores a trained run on every row of a file: prints solved / total with a 95 % interval, writes each puzzle's prediction.
A run of a code task writes programs, which are run in the sandbox; saved programs are scored again without a model.

Usage: hrm-eval run=RUN_DIRECTORY [data.path=FILE] [KEY=VALUE ...]
       hrm-eval run=PUBLISHED_FOLDER data=sudoku data.path=FILE
       hrm-eval run=RUN_DIRECTORY evaluation=humaneval [evaluation.KEY=VALUE ...]
       hrm-eval generations=FILE  evaluation=humaneval [evaluation.KEY=VALUE ...]

  run=DIR                  a run directory (outputs/<study>/<task>/<arm>/<size>/seed=<n>/<hash>), or a folder with a published
                           checkpoint: its state dict and its configuration file as released
  data.path=FILE           your puzzles, in a format of the run's task (CSV with question, answer); without it: the run's test split
  data.KEY=VALUE           any other key of the run's data section, for example data.check_unique=true
  data=CHOICE              for a published checkpoint: the task that it answers
  checkpoint=best|last     which weights (default: the ones the run's own test used)
  pictures=true|false      also draw a picture of each task of ARC: demonstrations, what was expected, the two guesses (default false)
  stop=segments|halting    answer after all segments (default), or each puzzle where the model wants to stop, which is sooner done: the
                           slot goes to the next puzzle, and every measure is of the answer there
  labelled=true|false      false: the file has no answers; there are predictions and no score (default true)
  trainer.accelerator=cpu|gpu|auto   trainer.threads=N   trainer.progress_bar=true|false
  evaluation=CHOICE        code: own (the run's test problems), humaneval, humaneval_plus, mbpp, file
  evaluation.KEY=VALUE     code: samples=10 temperature=0.8 top_p=0.95 ks=[1,10] limit=20 path=FILE ... (conf/evaluation/own.yaml)
  evaluation.trajectories=K evaluation.noise=S   puzzles: K answers, S the noise on all but the first; the best by its halting score
  evaluation.views=N       puzzles: N symmetric images of each, whose answers vote
  generations=FILE         code: score saved completions (JSON Lines with task_id and completion) instead of a run

Writes RUN_DIRECTORY/evaluations/<file>/result.json and predictions.csv; for code every completion with its verdict.

Examples:
  hrm-eval run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d data.path=my_puzzles.csv
  hrm-eval run=outputs/code_quick/.../seed=0/1a2b3c4d evaluation=humaneval evaluation.samples=10 evaluation.temperature=0.8
"""
_OWN = ("run", "data", "checkpoint", "labelled", "pictures", "stop", "evaluation", "generations")
_OF_PUZZLES = frozenset({"trajectories", "noise", "views"})
_SECTIONS = {"data": None, "trainer": TRAINER_KEYS, "evaluation": None}


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Score and say how it went; the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0
    own, changes = key_values(arguments, keys=_OWN, sections=_SECTIONS)
    for key, choices in (
        ("checkpoint", ("best", "last")),
        ("labelled", ("true", "false")),
        ("pictures", ("false", "true")),
        ("stop", ("segments", "halting")),
    ):
        if own.get(key, choices[0]) not in choices:
            raise UserError(f"{key}={own[key]!r} is not a choice; use {' or '.join(choices)}")
    if "generations" in own:
        _show_problems(_rescored(own, changes))
        return 0
    path = changes["data"].pop("path", None)
    chosen = open_chosen(own, changes)
    opened, base = chosen.opened, chosen.config
    checkpoint = own.get("checkpoint") or (base.training.evaluate if base else "published")
    progress = bool(changes["trainer"].get("progress_bar", True))
    writes = opened.task.spec.next_token and opened.task.written() is not None
    if writes and path is not None:
        raise UserError(
            f"data.path={path} is for puzzles; {own['run']} writes code: give evaluation=file evaluation.path=FILE (JSON Lines with "
            "HumanEval's fields)"
        )

    from hrmlab.evaluation.several import Several
    from hrmlab.workflows.evaluate import evaluate_examples, evaluate_problems

    root = Path(own["run"])
    of_puzzles = not writes and own.get("evaluation") is None and changes["evaluation"].keys() <= _OF_PUZZLES
    settings = _settings(own.get("evaluation"), base.to_plain()["evaluation"] if base else None, changes["evaluation"])
    if not of_puzzles:
        if "stop" in own:
            raise UserError(f"stop={own['stop']} is for puzzles; a program's tokens stop with evaluation.halting=true")
        _show_problems(evaluate_problems(opened, root=root, settings=settings, checkpoint=checkpoint, progress=progress))
        return 0
    labelled = own.get("labelled", "true") == "true"
    found = evaluate_examples(
        opened,
        root=root,
        path=path,
        checkpoint=checkpoint,
        labelled=labelled,
        progress=progress,
        sheets=own.get("pictures") == "true",
        several=Several.of(settings),
        stop="halting" if own.get("stop") == "halting" else "segments",
    )
    print(sentence(found.results["test"], found.measures, things=f"{opened.task.words.example}s"))
    print(f"predictions: {found.folder / 'predictions.csv'}")
    if found.sheets:
        print(_drawn(found, opened.task.palette, progress=progress))
    return 0


def _drawn(found: "Evaluated", palette: Mapping[str, str], *, progress: bool) -> str:
    """Draw every sheet into a folder for its kind; how many of each there are, in a line."""
    from collections import Counter

    from hrmlab.core.progress import progress_bar
    from hrmlab.reporting.figures.sheet_figure import draw_sheet
    from hrmlab.runs.files import write_bytes

    with progress_bar("drawing", len(found.sheets), shown=progress) as advance:
        for sheet in found.sheets:
            path = found.folder / "pictures" / sheet.kind / f"{sheet.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, draw_sheet(sheet, palette))
            advance(1)
    counts = Counter(sheet.kind for sheet in found.sheets)
    return f"pictures: {found.folder / 'pictures'} ({', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))})"


def _rescored(own: Mapping[str, str], changes: Mapping[str, Mapping[str, Any]]) -> "Evaluated":
    settings = _settings(own.get("evaluation", "own"), None, changes["evaluation"])
    device_of(changes["trainer"])  # an accelerator that is not there is refused here as everywhere
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.evaluate import rescore

    run = RunDirectory.open(own["run"]) if "run" in own else None
    return rescore(own["generations"], run=run, settings=settings, progress=bool(changes["trainer"].get("progress_bar", True)))


def _settings(chosen: str | None, base: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> "Evaluation":
    """The evaluation section: that of the run, or a choice of conf/evaluation, with the user's changes.

    Raises:
        UserError: no such choice, an unknown key, or a bad value.
    """
    from hrmlab.config.composition import composer
    from hrmlab.config.schema import Evaluation
    from hrmlab.config.validation import validate_section

    if chosen is not None or base is None:
        with composer() as composing:
            base = asdict(composing.compose([f"evaluation={chosen or 'own'}"]).config.evaluation)
    return Evaluation(**validate_section("evaluation", {**base, **changes}))


def sentence(result: Mapping[str, Any], measures: Sequence[Measure], *, things: str) -> str:
    """The score of examples in one line."""
    if not measures:
        return f"{result['count']} {things} answered (no answers to compare with)"
    measure = counting(measures, result)

    def part(prefix: str) -> str:
        value, interval = result[f"{prefix}{measure.name}"], result.get(f"{prefix}{measure.name}_interval")
        words = "" if interval is None else f", 95 % interval {interval[0]:.2%} to {interval[1]:.2%}"
        if f"{prefix}solved" in result:
            return f"{result[f'{prefix}solved']} / {result['count']} solved ({value:.2%}{words})"
        return f"{measure.wording} {value:.2%}{words}" if measure.unit == "share" else f"{measure.wording} {value:.4g}"

    if result.get("stop") == "halting":
        return f"{part('')} with learned halting, in {result['mean_segments']:.1f} segments of at most {result['segments_cap']}"
    if f"halting/{measure.name}" not in result:
        return part("")
    return f"{part('')}; with learned halting {part('halting/')} in {result['mean_segments']:.1f} segments"


def _show_problems(found: "Evaluated") -> None:
    """Every set's score in one line, and where everything lies."""
    for name, result in found.results.items():
        print(f"{name}: {problems_sentence(result, found.measures)}")
    print(f"results: {found.folder}")


def problems_sentence(result: Mapping[str, Any], measures: Sequence[Measure]) -> str:
    """A set of problems in one line: every declared measure that it has, and what to know beside it."""
    parts = []
    for measure in measures:
        value = result.get(measure.name)
        if not isinstance(value, float):
            continue
        low, high = result.get(f"{measure.name}_interval", (value, value))
        if measure.unit == "share":
            parts.append(f"{measure.wording} {value:.2%} (95 % interval {low:.2%} to {high:.2%})")
        else:
            parts.append(f"{value:.3f} {measure.wording} ({low:.3f} to {high:.3f})")
    parts += [str(value) for key, value in result.items() if key.endswith("_reason")]
    if result.get("clipped"):
        parts.append(f"{result['clipped']} prompts were longer than the model reads and lost their beginning")
    if not parts:
        raise UserError("nothing was scored: the problems have neither tests nor solutions")
    return f"{result['count']} problems, " + "; ".join(parts) + (f"; sandbox {result['tier']}" if result.get("tier") else "")


if __name__ == "__main__":
    main()
