"""Which process of a distributed run this is, before anything distributed has been set up."""

import os


def process_rank() -> int:
    """Rank of this process; 0 for the one that owns the run directory."""
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        value = os.environ.get(name, "")
        if value.isdigit() and (name != "SLURM_PROCID" or os.environ.get("SLURM_NTASKS", "1") != "1"):
            return int(value)
    return 0
