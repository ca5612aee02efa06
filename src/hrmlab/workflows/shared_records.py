"""A completed run's records as files of its W&B run, from which a report can be written elsewhere (``hrm-report source=wandb:...``)."""

import sys

from hrmlab.runs.directory import RunDirectory


def share_records(run: RunDirectory) -> None:
    """Hand COMPLETED and the records it has digests of to the W&B run of this process, under the name of the run directory; else nothing.

    Online they are uploaded at once, offline with ``wandb sync``. The folder is part of their names: W&B has a config.yaml of its own.
    """
    wandb = sys.modules.get("wandb")
    current = getattr(wandb, "run", None)
    if current is None or not str(current.id).endswith(run.path.name):
        return
    for path in sorted(run.record_files()):
        current.save(str(path.resolve()), base_path=str(run.path.resolve().parent), policy="now")
