"""The life of one run: lock it, train and score it, and leave it COMPLETED, FAILED or resumable."""

import contextlib
import os
import signal
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from hrmlab.config.configuration import Configuration
from hrmlab.core import termination
from hrmlab.core.errors import (
    LESS_MEMORY,
    NO_MEMORY,
    Terminated,
    TrainingFailed,
    Unfinished,
    UserError,
    memory_is_exhausted,
    passing_cause,
)
from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.core.notices import notice
from hrmlab.core.processes import RUN_DIRECTORY, end_with_parent, external_launch, process_rank
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.labels import labels_of
from hrmlab.workflows.rendezvous import check_launch, follow, lead
from hrmlab.workflows.shared_records import share_records


def new_run(config: Configuration, overrides: Sequence[str]) -> RunDirectory:
    """A run directory for a checked configuration.

    Raises:
        UserError: parts of the model have learning rates, and it has no such parts, options of the training exclude each other, or the
            processes that were started are not those that the trainer asks for; there is no directory then.
    """
    check_launch(config.trainer)
    if config.training.gradient_checkpointing and config.training.compile:
        raise UserError("training.gradient_checkpointing=true and training.compile=true do not go together; leave one of them out")
    if config.trainer.strategy == "fsdp" and config.training.compile:
        raise UserError(
            f"trainer={config.trainer.name} gathers the weights of a block when it computes, which training.compile=true does not see; use "
            "training.compile=false, or trainer=ddp"
        )
    if config.optimizer.arguments.get("learning_rates"):  # what only the built model can say, asked before anything is left behind
        from hrmlab.workflows.model_parts import check_parts

        check_parts(config)
    return RunDirectory.create(output_root=config.output_root, labels=labels_of(config), config=config.to_plain(), overrides=overrides)


def join() -> None:
    """Take part in a distributed run as one of its further processes, which the first one has started, or srun or torchrun with it.

    Raises:
        UserError: the first process did not say where the run is.
    """
    path, launch = os.environ.get(RUN_DIRECTORY), external_launch()
    if launch is not None:
        path = follow(launch)
        if not path:  # the first one has said why there is nothing to do
            return
    elif path is None:
        raise UserError(
            f"this is process {process_rank()} of a distributed launch and {RUN_DIRECTORY} does not name the run directory; "
            "start one process with hrm-train trainer=ddp, which starts the others itself, or all of them with srun or torchrun"
        )
    else:
        end_with_parent(os.getppid(), signal.SIGKILL)  # it has nothing to save, and may hang in a collective that nobody answers
    run = RunDirectory.open(path)
    from hrmlab.workflows.train import train

    train(run)


def execute(run: RunDirectory) -> dict[str, Any]:
    """Train and evaluate as the run directory says; the summary, which is there too.

    Raises:
        UserError, TrainingFailed: the run is marked FAILED.
        Unfinished: the disk is full; the run can be resumed.
        KeyboardInterrupt: interrupted or terminated; the run can be resumed.
    """
    check_launch(Configuration.from_plain(run.config).trainer)
    with run.locked():
        if run.state == "completed":
            raise UserError(f"{run.path} is COMPLETED already; there is nothing to resume")
        os.environ[RUN_DIRECTORY] = str(run.path.resolve())
        lead(str(run.path.resolve()))
        try:
            from hrmlab.workflows.train import train

            summary = train(run)
            run.complete(summary)
            _share(run)
        except TrainingFailed as failure:
            _fail(run, error=failure.error, hint=failure.hint, step=failure.step, last_checkpoint=failure.last_checkpoint)
            raise
        except UserError as error:
            _fail(run, error=str(error), hint="mend what the sentence names")
            raise
        except KeyboardInterrupt as interrupt:
            raise _resumable(run, interrupt) from None
        except SystemExit as leaving:  # Lightning leaves this way after Ctrl-C and SIGTERM
            interrupt = leaving.__context__ if isinstance(leaving.__context__, KeyboardInterrupt) else Terminated()
            raise _resumable(run, interrupt) from None
        except Exception as error:
            if termination.arrived():  # the signal's own exception was lost in compiled code, and this one came of it
                raise _resumable(run, Terminated()) from None
            if (cause := passing_cause(error)) is not None:
                raise Unfinished(f"{cause} and go on with: hrm-train resume={run.path}") from None
            if memory_is_exhausted(error):
                _fail(run, error=NO_MEMORY, hint=LESS_MEMORY)
                raise TrainingFailed(NO_MEMORY, hint=LESS_MEMORY) from None
            last_line = traceback.format_exception_only(error)[-1].strip()
            _fail(run, error=last_line, hint="an unexpected error; the traceback is in the output of the command")
            raise
        finally:
            os.environ.pop(RUN_DIRECTORY, None)
    return summary


def result_line(run: RunDirectory, summary: Mapping[str, Any]) -> str:
    """The test result in one line, on a known GPU with how much of it was used."""
    words = result_words(summary)
    used = (summary.get("training") or {}).get("model_flops_utilisation")
    told = [*([words] if words else []), *([] if used is None else [f"{100 * used:.1f} % model FLOP utilisation"])]
    return ": ".join(["completed", *([", ".join(told)] if told else []), str(run.path)])


def result_words(summary: Mapping[str, Any]) -> str:
    """The test result in a few words: the measure that counts first, with learned halting where it differs, then what else may count."""
    test = summary.get("test") or {}
    measures = [Measure.from_dict(values) for values in summary.get("measures") or [EXACT_ACCURACY.to_dict()]]
    chosen = [measure for measure in measures if measure.counts or measure.unit != "share"]
    parts = []
    for measure in sorted(chosen, key=lambda measure: measure.name != summary.get("score")):
        value, halting = test.get(measure.name), test.get(f"halting/{measure.name}")
        if value is None:
            continue
        if measure.unit != "share":
            parts.append(f"{measure.wording} {value:.3f}")
            continue
        total = test.get("count") if measure.column is None or measure.halting else test.get("problems", test.get("count"))
        right = value * (total or 0)
        whole = total and abs(right - round(right)) < 1e-3  # not the mean of shares, such as of right tokens
        parts.append(f"test {measure.wording} {value:.4f}" + (f" ({round(right)} of {total})" if whole else ""))
        if halting is not None and halting != value:
            parts.append(f"with learned halting {halting:.4f}")
    return ", ".join(parts)


def _share(run: RunDirectory) -> None:
    """Where W&B follows the run, give it the records; that it could not is no reason to lose the run."""
    try:
        share_records(run)
    except Exception as error:
        notice(f"the records of {run.path} could not be handed to W&B ({' '.join(str(error).split())}); they are in the run directory")


def _fail(run: RunDirectory, **what: Any) -> None:
    with contextlib.suppress(OSError):  # a full disk must not hide the error that led here
        run.fail(**what)


def _resumable(run: RunDirectory, interrupt: KeyboardInterrupt) -> KeyboardInterrupt:
    word = "terminated" if isinstance(interrupt, Terminated) else "interrupted"
    return type(interrupt)(f"{word}; go on with: hrm-train resume={run.path}")
