"""What ``--help`` says. Reads the names of configuration files only, so that it answers at once."""

from collections.abc import Sequence
from textwrap import fill

from hrmlab.config.location import GROUPS, LAUNCHER, choices

_OVERRIDES = """\
Most used overrides:
  study=NAME  seed=N  arm=NAME          what the run is called, and the start of its random streams
  training.steps=N                      optimizer steps, one supervised segment each
  training.batch_size=N                 examples in a step, over all devices
  training.precision=fp32|bf16          training.compile=true|false
  optimizer.learning_rate=X             optimizer.weight_decay=X
  regime.segments=N  regime.depth=N     for every arm; per_arm.hrm.optimizer.learning_rate=X for one arm alone
  match=parameters|non_embedding        what the budget makes equal; size.parameters=N for a budget of your own
  data.source=generated|file|hub        data.path=FILE with data.source=file
  trainer.devices=N  trainer.threads=N  processes, and CPU threads of each
  output_root=DIR                       run directories go to DIR/<study>/<task>/<arm>/<size>/seed=<n>/<hash>"""

_TRAIN = """\
Trains and evaluates one model on one task; the run directory is its record.

Usage: hrm-train [GROUP=CHOICE ...] [KEY=VALUE ...] [flags]
"""

_TRAIN_END = """\
Flags:
  -m, --multirun     run every combination of the values given (model=hrm,transformer seed=0,1), one after another
  --cfg job          print the configuration and do nothing; --info for what Hydra found where
  --config-dir DIR   more config groups, from a folder of your own (DIR/experiments/mine.yaml, DIR/model/gru.yaml); classes that they
                     name (_target_: my_models.gru.GRU) are found where my_models lies in DIR or next to it
  --hydra-help       Hydra's own flags

Examples:
  hrm-train data=sudoku model=hrm size=tiny seed=3 trainer=gpu
  hrm-train experiments=sudoku/hrm training.steps=2000       experiments/sudoku/hrm.yaml, with one value changed
  hrm-train -m model=hrm,transformer seed=0,1,2
  hrm-train resume=outputs/default/sudoku_4x4/hrm/nano/seed=0/1a2b3c4d
  hrm-train extend=outputs/default/sudoku_4x4/hrm/nano/seed=0/1a2b3c4d training.steps=4000   more steps, as a new run

Values stand in conf/<group>/<choice>.yaml. A grid of runs with a report: hrm-sweep --help."""

_SWEEP = """\
Runs a grid of runs, each in a fresh process, skips what is done, resumes what was interrupted, and writes the report.

Usage: hrm-sweep sweeps=CHOICE [KEY=VALUE ...] [flags]
"""

_SWEEP_END = """\
Flags:
  --jobs N           at most N jobs at once (default: as many as the cores hold); jobs x threads never exceed the cores
  --retry-failed     run FAILED jobs again, from their last checkpoint
  --only PATTERN     only the jobs whose name without its hash (see --dry-run) is like PATTERN: "*6x6*-seed=[01]"; may be repeated
  --dry-run          print what would be done and do nothing
  --estimate         measure a few steps of each arm, say how long what is left takes here and what it computes, and train nothing
  --detach           with launcher=slurm: leave when all jobs are in the queue; the same command without it follows them
  --no-report        write no report at the end
  --reports DIR      the report goes to DIR/<study> (default: reports)
  --records          keep the runs' records beside the report: DIR/<study>/records.tar.xz, for the repository
  --use-records      put the runs of that archive back instead of training them again (they have no checkpoints)
  --config-dir DIR   more config groups and classes, from a folder of your own (hrm-train --help)

A job is skipped when its run directory (same labels and configuration) is COMPLETED, resumed when it was interrupted.
Outputs of the jobs: <output_root>/<study>/logs/. Exit code: 0 all done, 1 some failed, 2 nothing was started, 130 interrupted.

Examples:
  hrm-sweep sweeps=quick
  hrm-sweep sweeps=tiny trainer=ddp trainer.devices=4
  hrm-sweep sweeps=tiny trainer=gpu launcher=slurm           each job in Slurm's queue (docs/cluster.md)
  hrm-sweep sweeps=quick seed=0 training.steps=50 study=trial
  hrm-sweep model=hrm,transformer seed=range(3) study=mine   a grid from the command line alone"""


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for help."""
    return any(argument in ("-h", "--help") for argument in arguments)


def train_help() -> str:
    """Help of hrm-train."""
    return "\n".join([_TRAIN, _groups(), "", _OVERRIDES, "", _TRAIN_END])


def sweep_help() -> str:
    """Help of hrm-sweep."""
    launchers = f"  {LAUNCHER + '=':<13}{', '.join(choices(LAUNCHER))}; {LAUNCHER}.KEY=VALUE for its keys (conf/{LAUNCHER}/)"
    return "\n".join([_SWEEP, _groups(), launchers, "", _OVERRIDES, "", _SWEEP_END])


def _groups() -> str:
    lines = [
        fill(", ".join(choices(group)) or "(none)", width=110, initial_indent=f"  {group + '=':<13}", subsequent_indent=" " * 15)
        for group in GROUPS
    ]
    return "Groups and their choices:\n" + "\n".join(lines)
