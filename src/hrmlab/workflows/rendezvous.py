"""Processes that srun or torchrun started together: they are as many as the trainer asks for, and one run directory is theirs.

All of them have the same command line. The first one (rank 0) decides which run it is, and tells the others over the network that they
will train over as well: on torchrun's store, or as a store of its own beside the port of the process group.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from hrmlab.config.schema import Trainer
from hrmlab.core.errors import UserError
from hrmlab.core.processes import LAUNCH_VARIABLES, Launch, external_launch

if TYPE_CHECKING:
    from torch.distributed import Store  # pyright: ignore[reportPrivateImportUsage]

_PATIENCE = timedelta(minutes=5)
_PORT_ASIDE = 10_000
_KEY = "hrmlab/run_directory"
_PAUSE = 0.1
_PORTS = 65_536
_told = threading.Event()


def check_launch(trainer: Trainer) -> None:
    """Refuse a number of processes that is not the one that the trainer asks for.

    Raises:
        UserError: it is not, or there are several nodes and nobody starts processes there.
    """
    launch, asked = external_launch(), trainer.devices * trainer.num_nodes
    numbers = f"trainer.devices={trainer.devices} times trainer.num_nodes={trainer.num_nodes}"
    if launch is None and trainer.num_nodes > 1:
        raise UserError(
            f"trainer.num_nodes={trainer.num_nodes} and this process is alone; start it on every node with srun or torchrun, or give it to "
            "hrm-sweep launcher=slurm (docs/cluster.md)"
        )
    if launch is not None and launch.world_size != asked:
        raise UserError(
            f"{launch.by} started {launch.world_size} processes and {numbers} is {asked}; make them equal (trainer=ddp for GPUs, "
            "trainer=ddp_cpu for CPUs, trainer.devices for the processes of a node)"
        )
    if launch is not None and launch.nodes is not None and launch.nodes != trainer.num_nodes:
        raise UserError(
            f"{launch.by} started processes on {launch.nodes} nodes and trainer.num_nodes={trainer.num_nodes}; "
            f"use trainer.num_nodes={launch.nodes} trainer.devices={max(1, launch.world_size // launch.nodes)}"
        )


@contextmanager
def leading() -> Iterator[None]:
    """For the first process: if it ends inside without a run that the others could join, they are told to end too."""
    launch = external_launch()
    try:
        yield
    finally:
        if launch is not None and launch.world_size > 1 and not _told.is_set():
            _publish(launch, "")


def lead(path: str) -> None:
    """Tell the other processes of this launch, if there are any, the run directory."""
    launch = external_launch()
    if launch is not None and launch.world_size > 1 and not _told.is_set():
        _publish(launch, path)


def follow(launch: Launch) -> str:
    """The run directory that the first process of this launch tells; empty where there is nothing to do.

    Raises:
        UserError: it says nothing for minutes.
    """
    from torch.distributed import DistError

    try:
        store = _store(launch)
        path = store.get(_key()).decode()
        store.add(f"{_key()}/heard", 1)
    except (DistError, RuntimeError, TimeoutError) as error:
        raise UserError(
            f"process {launch.rank} of {launch.world_size} heard nothing from the first one within {_PATIENCE.total_seconds() / 60:.0f} "
            f"minutes ({' '.join(str(error).split())[:120]}); see what that one says, and that the nodes reach each other"
        ) from None
    return path


def without_launch(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process that starts for itself, without what tells this one its part in a launch."""
    return {name: value for name, value in environment.items() if name not in LAUNCH_VARIABLES}


def _publish(launch: Launch, path: str) -> None:
    _told.set()
    store = _store(launch)
    store.set(_key(), path)
    until = time.monotonic() + _PATIENCE.total_seconds()
    while (
        store.add(f"{_key()}/heard", 0) < launch.world_size - 1 and time.monotonic() < until
    ):  # a store of our own ends with this function
        time.sleep(_PAUSE)


def _key() -> str:
    """Of this start: torchrun starts processes again after one has failed, with the same store."""
    return f"{_KEY}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"


def _store(launch: Launch) -> "Store":
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    from hrmlab.training.cluster import cluster_environment

    environment = cluster_environment()
    address, port = environment.main_address, environment.main_port
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        return TCPStore(address, port, is_master=False, timeout=_PATIENCE)
    aside = port + _PORT_ASIDE if port + _PORT_ASIDE < _PORTS else port - _PORT_ASIDE
    return TCPStore(address, aside, is_master=launch.rank == 0, timeout=_PATIENCE, wait_for_workers=False)
