"""A study from W&B: the run directories of its training runs, from the records that each of them left there when it was completed."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from hrmlab.core.errors import UserError
from hrmlab.runs import mark
from hrmlab.runs.directory import RunLabels, folder_of

PREFIX = "wandb:"
_ENDINGS = (".json", ".yaml", ".csv", ".parquet")


class File(Protocol):
    """What is used of W&B's files."""

    name: str

    def download(self, root: str = ..., replace: bool = ...) -> Any: ...


class Run(Protocol):
    """What is used of W&B's runs."""

    id: str
    state: str

    def files(self) -> Iterable[File]: ...


class Api(Protocol):
    """What is used of ``wandb.Api``."""

    def runs(self, path: str, filters: dict[str, Any]) -> Iterable[Run]: ...


def project_of(source: str) -> str:
    """``wandb:entity/project`` as ``entity/project``.

    Raises:
        UserError: it is nothing of the kind.
    """
    project = source.removeprefix(PREFIX)
    if not source.startswith(PREFIX) or not project or project.count("/") > 1 or not all(project.split("/")):
        raise UserError(f"source={source} is not wandb:ENTITY/PROJECT; leave it out to read run directories")
    return project


def wandb_api() -> Api:
    """The real one, logged in as the environment says.

    Raises:
        UserError: wandb is not installed, or nobody is logged in.
    """
    try:
        import wandb
    except ModuleNotFoundError:
        raise UserError("source=wandb:... needs the package 'wandb', which is not installed; run: pip install wandb") from None
    try:
        return wandb.Api()
    except (wandb.Error, ValueError) as error:
        raise UserError(f"source=wandb:... cannot reach W&B: {' '.join(str(error).split())}; log in with wandb login") from None


def fetch_study(api: Api, *, project: str, study: str, folder: Path) -> tuple[int, int]:
    """Put the run directories of a study's completed W&B runs below a folder, which then is an output root.

    Returns:
        how many runs were fetched, and how many of the study's training runs have no complete records there.

    Raises:
        UserError: the project cannot be read, or holds no such run.
    """
    fetched = lacking = 0
    try:
        for run in api.runs(project, filters={"group": study, "jobType": {"$ne": "report"}}):
            if _fetch(run, study, folder):
                fetched += 1
            else:
                lacking += 1
    except UserError:
        raise
    except Exception as error:  # W&B's client raises whatever its transport does
        raise UserError(f"source=wandb:{project} cannot be read: {' '.join(str(error).split())}; check the name and wandb login") from None
    if not fetched:
        told = f"its {lacking} runs have no records of completed runs" if lacking else "it has no runs of this study"
        raise UserError(f"source=wandb:{project} holds nothing for study={study}: {told}; records come from runs with logger=wandb")
    return fetched, lacking


def _fetch(run: Run, study: str, folder: Path) -> bool:
    """Whether the W&B run had the records of a completed run."""
    held: dict[str, list[File]] = {}
    for file in run.files():
        place = PurePosixPath(file.name)
        if len(place.parts) == 2 and run.id.endswith(place.parts[0]) and (place.name == "COMPLETED" or place.suffix in _ENDINGS):
            held.setdefault(place.parts[0], []).append(file)
    name, files = max(held.items(), key=lambda item: len(item[1]), default=("", []))
    if not {"COMPLETED", "run.json", "config.yaml", "summary.json"} <= {PurePosixPath(file.name).name for file in files}:
        return False
    draft = folder / ".fetched" / run.id
    for file in files:
        with contextlib.closing(file.download(root=str(draft), replace=True)):
            pass
    try:
        labels = RunLabels(**json.loads((draft / name / "run.json").read_text(encoding="utf-8"))["labels"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if labels.study != study:
        return False
    place = folder_of(folder, labels) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    number = 2
    while place.exists():  # the same configuration, launched on two machines
        place = place.with_name(f"{name}-{number}")
        number += 1
    (draft / name).rename(place)
    with contextlib.suppress(ValueError):  # a COMPLETED that cannot be read is found when the run is
        found = mark.read_mark(place)
        if found is not None and found.digests is not None:
            mark.write_restored(place, archive="W&B", digests={key: value for key, value in found.digests.items() if "/" not in key})
    return True
