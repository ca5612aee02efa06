"""Is the device that was asked for there?"""

from collections.abc import Mapping
from typing import Any

import torch

from hrmlab.core.errors import UserError


def check_accelerator(section: Mapping[str, Any]) -> None:
    """Refuse a GPU that is not there.

    Raises:
        UserError: fewer CUDA devices are visible than the trainer section asks for.
    """
    if section["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise UserError(
            f"trainer={section['name']} needs a CUDA device and none is visible; use trainer=cpu, or trainer=ddp_cpu for several"
        )
    if section["accelerator"] == "gpu" and torch.cuda.device_count() < section["devices"]:
        raise UserError(
            f"trainer.devices={section['devices']} but {torch.cuda.device_count()} CUDA devices are visible; "
            f"set trainer.devices={torch.cuda.device_count()}"
        )
