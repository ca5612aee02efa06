"""hrm-quickstart: from nothing to a report: asks for task, size and arms, says what it will take, trains, opens the report."""

import shlex
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.table import Table

from hrmlab.cli.arguments import SentenceParser
from hrmlab.cli.command import run_command
from hrmlab.config.location import choices, config_file
from hrmlab.config.values import nearest
from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml

NAME = "hrm-quickstart"
_HELP = """\
A guided start: choose a task, a size and some arms; see how long it takes and what it computes, from a measurement of a few steps; train
them; read the report. Every question has a flag, and with --yes none is asked.

Usage: hrm-quickstart [--task RECIPE] [--size SIZE] [--arms A,B] [--seeds N] [--steps N] [flags] [KEY=VALUE ...]

  --task RECIPE      a recipe of experiments/, such as sudoku/quick_4x4 (asked: those that a CPU does in minutes)
  --size SIZE        a choice of conf/size (default: nano)
  --arms A,B         choices of conf/model, separated by commas (default: hrm,transformer)
  --seeds N          runs of each arm (default 3; fewer than 3 give no interval over seeds)
  --steps N          optimizer steps (default: the recipe's)
  --study NAME       names the study and the folder of its report (default: quickstart)
  --yes              ask nothing
  --dry-run          measure, say what it would take, and train nothing
  --no-open          do not open the report in a browser
  --reports DIR      the report goes to DIR/<study> (default: reports)
  KEY=VALUE          any other key, as for hrm-sweep

It is the command hrm-sweep with these choices, which it prints; started again, it goes on where it stopped.

Examples:
  hrm-quickstart
  hrm-quickstart --task sudoku/quick_4x4 --arms hrm,transformer,trm --seeds 3 --yes
"""


_RECIPE, _SIZE, _ARMS, _SEEDS = "sudoku/quick_4x4", "nano", "hrm,transformer", "3"
"""What is taken where nothing is chosen."""


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Ask, measure, train, report; the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0
    flags = _flags(arguments)
    if not flags.yes and not sys.stdin.isatty():
        raise UserError("there is no terminal to ask on; give --yes, and --task, --size and --arms where the defaults will not do")
    console = Console() if sys.stdout.isatty() else Console(width=160, no_color=True, highlight=False)
    try:
        return _guided(flags, console)
    except EOFError:
        raise UserError("the answers ended before the questions did; give --yes, and flags for what the defaults will not do") from None


def _guided(flags: Namespace, console: Console) -> int:
    from hrmlab.cli.estimates import tell_estimate
    from hrmlab.config.composition import composer
    from hrmlab.sweeping.jobs import compose_jobs

    words = _words(flags, console)
    console.print(f"hrm-sweep {shlex.join(words)}", style="bold", markup=False, soft_wrap=True)
    with composer() as composing:
        tell_estimate(composing, compose_jobs(composing, words), console)
    if flags.dry_run:
        return 0
    if not flags.yes and not Confirm.ask("Start?", default=True, console=console):
        console.print("nothing was trained")
        return 0
    from hrmlab.cli import sweep

    code = sweep.command([*words, "--reports", flags.reports])
    page = Path(flags.reports) / flags.study / "report.html"
    if code == 0 and page.exists():
        console.print(f"open this: {page.resolve()}", markup=False, soft_wrap=True)
        if not flags.yes and not flags.no_open:
            webbrowser.open(page.resolve().as_uri())
    return code


def _words(flags: Namespace, console: Console) -> list[str]:
    """The overrides of a sweep, from flags and from answers."""
    recipes, sizes, arms = choices("experiments"), choices("size"), choices("model")
    task, size, chosen = flags.task, flags.size, flags.arms
    if not flags.yes:
        if task is None:
            offered = [name for name in recipes if "quick" in name]
            table = Table(box=None, show_header=False, padding=(0, 2))
            for name in offered:
                table.add_row(name, _question(name))
            console.print("Tasks:", table)
            task = Prompt.ask("Task", choices=offered, show_choices=False, default=_RECIPE, console=console)
        if size is None:
            console.print(f"Sizes: {', '.join(f'{name} ({count / 1e6:g}M)' for name, count in _parameters(sizes).items())}", markup=False)
            size = Prompt.ask("Size", choices=sizes, show_choices=False, default=_SIZE, console=console)
        if chosen is None:
            console.print(f"Arms: {', '.join(arms)}", markup=False)
            chosen = Prompt.ask("Arms, separated by commas", default=_ARMS, console=console)
        if flags.seeds is None:
            flags.seeds = Prompt.ask("Seeds of each arm", default=_SEEDS, console=console)
    task, size = task or _RECIPE, size or _SIZE
    named = [name.strip() for name in (chosen or _ARMS).split(",") if name.strip()]
    for key, value, known in (("task", task, recipes), ("size", size, sizes), *(("arms", name, arms) for name in named)):
        if value not in known:
            guess = nearest(value, known)
            raise UserError(f"--{key} {value} is not a choice; " + (f"did you mean {guess}? " if guess else "") + f"use {', '.join(known)}")
    if not named:
        raise UserError("--arms names no arm; use one or more of " + ", ".join(arms))
    seeds = _count("seeds", flags.seeds or _SEEDS)
    steps = [] if flags.steps is None else [f"training.steps={_count('steps', flags.steps)}"]
    listed, models = ",".join(map(str, range(seeds))), ",".join(dict.fromkeys(named))
    chosen_words = [f"experiments={task}", f"size={size}", f"study={flags.study}", f"model={models}", f"seed={listed}"]
    return [*chosen_words, *steps, *flags.overrides]


def _question(recipe: str) -> str:
    """What a recipe asks, from its header."""
    file = config_file("experiments", recipe)
    lines = [] if file is None else file.read_text(encoding="utf-8").splitlines()
    return next((line.partition("Question:")[2].strip() for line in lines if line.startswith("# Question:")), "")


def _parameters(sizes: Sequence[str]) -> dict[str, int]:
    """How many parameters each size has, the smallest first."""
    files = {name: config_file("size", name) for name in sizes}
    found = {name: parse_yaml(file.read_text(encoding="utf-8"))["parameters"] for name, file in files.items() if file is not None}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _count(key: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--{key} {text} is not a whole number above 0")
    return int(text)


def _flags(arguments: Sequence[str]) -> Namespace:
    parser = SentenceParser(NAME, add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    for name in ("--task", "--size", "--arms", "--seeds", "--steps"):
        parser.add_argument(name)
    parser.add_argument("--study", default="quickstart")
    parser.add_argument("--reports", default="reports")
    for name in ("--yes", "--dry-run", "--no-open"):
        parser.add_argument(name, action="store_true")
    return parser.parse_intermixed_args(list(arguments))


if __name__ == "__main__":
    main()
