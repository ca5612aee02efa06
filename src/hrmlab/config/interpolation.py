"""What configuration files may compute: ``${half:${regime.depth}}``. Importing this module makes it known to OmegaConf."""

from typing import Any

from omegaconf import OmegaConf

from hrmlab.core.errors import UserError


def half(value: Any) -> int:
    """Half of a whole number, for an arm that divides the blocks of a flat model between two stages.

    Raises:
        UserError: it has no half.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value % 2:
        raise UserError(f"{value} has no half that is a whole number; give an even number of blocks, for example regime.depth=8")
    return value // 2


OmegaConf.register_new_resolver("half", half, replace=True)
