"""Where the configuration files are, and what they offer. Reads folder names only: no Hydra import, so help answers at once."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from hrmlab.core.errors import UserError

SECTIONS = ("model", "regime", "size", "data", "optimizer", "training", "trainer", "logger", "evaluation", "audit", "objective")
"""Config groups that fill the section of the same name."""

SEVERAL = ("logger",)
"""Those of which several files may be chosen at once, as a list; their keys are put together."""

RECIPES = ("experiments", "sweeps")
"""Config groups, in folders next to conf/, whose files set values anywhere."""

GROUPS = (*SECTIONS, *RECIPES)

LAUNCHER = "launcher"
"""The folder of conf/ that says how hrm-sweep starts its jobs; no group of a run's configuration."""


@cache
def configuration_root() -> Path:
    """The folder that holds conf/, experiments/ and sweeps/: inside an installed wheel, else the checkout."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "_configuration", package.parents[1]):
        if (root / "conf" / "train.yaml").is_file():
            return root
    raise UserError(f"conf/train.yaml is missing: neither {package / '_configuration'} nor {package.parents[1]} holds it; reinstall hrmlab")


def search_folders(extra: Sequence[str | Path] = ()) -> list[Path]:
    """The folders that Hydra searches, in order: conf/, the user's own (``--config-dir``), then the folder above conf/."""
    root = configuration_root()
    return [root / "conf", *(Path(folder).resolve() for folder in extra), root]


def choices(group: str, extra: Sequence[str | Path] = ()) -> list[str]:
    """The names that ``<group>=`` accepts, folders within the group included (``sudoku/hrm``)."""
    names: set[str] = set()
    for folder in search_folders(extra):
        base = folder / group
        names.update(file.relative_to(base).with_suffix("").as_posix() for file in base.rglob("*.yaml"))
    return sorted(names)


def config_file(group: str, choice: str, extra: Sequence[str | Path] = ()) -> Path | None:
    """The file behind ``<group>=<choice>``; None when there is none."""
    for folder in search_folders(extra):
        file = folder / group / f"{choice}.yaml"
        if file.is_file():
            return file
    return None
