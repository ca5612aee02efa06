"""Lightning's model-parallel strategy as plain FSDP2 over all processes, with checkpoints like those of one process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.strategies.strategy import Strategy
from lightning.pytorch.trainer.states import TrainerFn

from hrmlab.training.module import SegmentTraining
from hrmlab.training.peers import Watched, WatchingLauncher
from hrmlab.training.sharding import is_sharded, load_whole, shard_computation, whole


class WatchedFSDP(Watched, ModelParallelStrategy):
    """Weights, gradients and the optimizer's state in parts over all processes of the run.

    The reasoner is built whole in the memory of the host and reaches the device block by block. A checkpoint is put together, tensor by
    tensor, in the host memory of the first process.

    Args:
        run: the run directory, for the sentence that says how to go on.
        processes: of all nodes.
    """

    def __init__(self, run: Path, *, processes: int) -> None:
        super().__init__(data_parallel_size=processes, tensor_parallel_size=1, save_distributed_checkpoint=False)
        self.run = run

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = self.launching = WatchingLauncher(self.cluster_environment, self.num_processes, self.num_nodes, run=self.run)

    @property
    def lightning_restore_optimizer(self) -> bool:
        return True

    def setup(self, trainer: pl.Trainer) -> None:
        assert self.accelerator is not None
        assert isinstance(self.model, SegmentTraining)
        self.accelerator.setup(trainer)
        self.put_in_place(self.model)
        self.barrier()
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def put_in_place(self, module: SegmentTraining) -> None:
        """Cut the weights of a module, unless they are, and bring the parts and all else to the device."""
        if not is_sharded(module):
            shard_computation(module.computation, self.device_mesh["data_parallel"])
        module.to(self.root_device)

    def setup_environment(self) -> None:
        if self._device_mesh is None:  # scoring goes on with the processes that have trained
            super().setup_environment()
        else:
            assert self.accelerator is not None
            self.accelerator.setup_device(self.root_device)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        assert self.lightning_module is not None
        return whole(self.lightning_module.state_dict(), kept=self.is_global_zero)

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        return whole(Strategy.optimizer_state(self, optimizer), kept=self.is_global_zero)

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any = None) -> None:
        Strategy.save_checkpoint(self, checkpoint, filepath, storage_options)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        return Strategy.load_checkpoint(self, checkpoint_path, weights_only)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        assert self.lightning_module is not None
        load_whole(self.lightning_module, checkpoint["state_dict"])

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        Strategy.load_optimizer_state_dict(self, checkpoint)
