"""hrm-generate: what a run writes after each of its stages of practice, side by side."""

from collections.abc import Sequence

from hrmlab.cli.arguments import key_values, whole_number
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

NAME = "hrm-generate"
_HELP = """\
Shows what a run of objective=grpo answers after its warm-up and after each stage of practice, side by side.

Usage: hrm-generate run=RUN_DIRECTORY [KEY=VALUE ...]

  run=DIR               a run directory of hrm-train objective=grpo; of one that is not finished, the stages that are
  stage=NAME,...        only these, such as stage=warm_up,math (default: all)
  prompt=TEXT           what is asked (default: the first problems of the test split, right answers marked)
  count=N               how many problems (default 3)
  samples=N             answers to each (default 1)
  temperature=T         of the sampling (default 0: always the most likely token)
  max_new_tokens=N      of an answer (default 256)

Examples:
  hrm-generate run=outputs/grpo_quick/worked_arithmetic_3/hrm/nano/seed=0/1a2b3c4d
  hrm-generate run=outputs/grpo_quick/worked_arithmetic_3/hrm/nano/seed=0/1a2b3c4d stage=warm_up,math prompt="3+5-2=?" samples=4
"""
_OWN = ("run", "stage", "prompt", "count", "samples", "temperature", "max_new_tokens")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Write and show; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, _ = key_values(arguments, keys=_OWN)
    if "run" not in own:
        raise UserError(f"run= is missing; see {NAME} --help")
    if "prompt" in own and "count" in own:
        raise UserError("count= is for problems of the test split, and prompt= asks one of your own; leave one of them out")
    count, samples, longest = whole_number(own, "count", 3), whole_number(own, "samples", 1), whole_number(own, "max_new_tokens", 256)
    try:
        temperature = float(own.get("temperature", "0"))
    except ValueError:
        temperature = -1.0
    if not 0 <= temperature < float("inf"):
        raise UserError(f"temperature={own['temperature']} is no number from 0 on; give one, such as 0.8, or 0 for the most likely token")
    from hrmlab.workflows.open_run import open_run
    from hrmlab.workflows.stage_samples import stage_samples

    found = stage_samples(
        open_run(own["run"]),
        prompt=own.get("prompt"),
        count=count,
        stages=own.get("stage"),
        samples=samples,
        temperature=temperature,
        max_new_tokens=longest,
    )
    width = max(len(sample.stage) for sample in found)
    shown = None
    for sample in found:
        if sample.prompt != shown:
            print(sample.prompt if shown is None else f"\n{sample.prompt}")
            shown = sample.prompt
        mark = {True: "right", False: "wrong", None: ""}[sample.right]
        print(f"  {sample.stage:{width}}  {mark:5}  {' '.join(sample.text.split())}".rstrip())
    return 0


if __name__ == "__main__":
    main()
