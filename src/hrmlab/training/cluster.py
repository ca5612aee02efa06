"""Who started the processes of a run, in Lightning's words."""

from lightning.fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

from hrmlab.core.processes import external_launch


def cluster_environment() -> ClusterEnvironment:
    """srun, torchrun, or Lightning itself.

    Lightning left to itself takes every process inside a job of Slurm for one that srun started, and puts jobs back into the queue on a
    signal; here a run saves, ends, and leaves the queue to whoever submitted it.
    """
    launch = external_launch()
    if launch is None:
        return LightningEnvironment()
    return SLURMEnvironment(auto_requeue=False) if launch.by == "srun" else TorchElasticEnvironment()
