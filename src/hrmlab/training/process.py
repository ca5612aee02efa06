"""What a process needs before it computes: threads, memory, a quiet Lightning, and the device that was asked for.

By default glibc maps every block above 128 KiB afresh and unmaps it when freed, so each activation of each layer pays for its page
faults again in every step. With the thresholds raised, blocks are reused: element-wise operations on the CPU become two to four
times faster (docs/benchmarks.md). Memory use between steps stays at its peak, which training needs anyway.
"""

import contextlib
import ctypes
import logging
import sys
import warnings

import torch

from hrmlab.config.schema import Trainer
from hrmlab.core.errors import UserError

# From glibc's malloc.h. The mmap threshold cannot be set higher than 32 MiB.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20


def prepare_process(trainer: Trainer) -> None:
    """Set up this process for a trainer section.

    Raises:
        UserError: fewer CUDA devices are visible than the section asks for.
    """
    quiet_lightning()
    keep_freed_memory()
    check_accelerator(trainer)
    if trainer.threads is not None:
        torch.set_num_threads(trainer.threads)


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for this process; does nothing where the C library is another one."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
        mallopt(_M_TRIM_THRESHOLD, 2047 * _MIB)
        mallopt(_M_TOP_PAD, 64 * _MIB)


def quiet_lightning() -> None:
    """Keep hints about Lightning's cloud, and warnings that cannot apply here, away from the user."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Lightning 2.6 on torch 2.13 warns about its own use of torch.
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    # Whether a run is one of Slurm's is said by how it was launched, not by which commands are installed.
    warnings.filterwarnings("ignore", message=".*`srun` command is available on your system.*")
    # Data live on the device and have no worker processes.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Of outputs that are views, as logits are: the hooks of FSDP would miss their being changed in place, which nobody does.
    warnings.filterwarnings("ignore", message=".*FSDP2-wrapped module.*returned a view tensor.*")
    # What is logged at the end of an evaluation has been reduced over all processes already.
    warnings.filterwarnings("ignore", message=".*recommended to use .self.log.*sync_dist=True.*")


def check_accelerator(section: Trainer) -> None:
    """Refuse a GPU that is not there.

    Raises:
        UserError: fewer CUDA devices are visible than the trainer section asks for.
    """
    if section.accelerator == "gpu" and not torch.cuda.is_available():
        raise UserError(
            "trainer.accelerator=gpu needs a CUDA device and none is visible; use trainer.accelerator=cpu, or when training trainer=cpu "
            "(trainer=ddp_cpu for several processes)"
        )
    if section.accelerator == "gpu" and torch.cuda.device_count() < section.devices:
        raise UserError(
            f"trainer.devices={section.devices} but {torch.cuda.device_count()} CUDA devices are visible; "
            f"set trainer.devices={torch.cuda.device_count()}"
        )
