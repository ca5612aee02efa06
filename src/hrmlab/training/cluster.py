"""Who started the processes of a run, in Lightning's words."""

import os

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from hrmlab.core.processes import external_launch


def cluster_environment() -> ClusterEnvironment:
    """srun, torchrun, or Lightning itself.

    Lightning left to itself takes every process inside a job of Slurm for one that srun started, and puts jobs back into the queue on a
    signal; here a run saves, ends, and leaves the queue to whoever submitted it.
    """
    launch = external_launch()
    if launch is None:
        return LightningEnvironment()
    if launch.by == "torchrun":
        return TorchElasticEnvironment()
    # Lightning refuses `srun --ntasks=2` without --ntasks-per-node; that the processes are those of the trainer has been checked.
    os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(launch.world_size // (launch.nodes or 1)))
    return SLURMEnvironment(auto_requeue=False)
