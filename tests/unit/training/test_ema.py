"""The average of the weights that begins late."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import torch

from hrmlab.training.callbacks.ema import DeviceEMA


class _Weight(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))


def _averages(start: int, values: list[float], *, resumed_at: int | None = None) -> list[float]:
    """The average after each step of a training that sets the weight to these values; at ``resumed_at`` it is saved and loaded."""
    module, trainer = _Weight(), SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")), global_step=0)

    def fresh() -> DeviceEMA:
        callback = DeviceEMA(decay=0.5, start=start)
        callback.setup(trainer, module, "fit")  # pyright: ignore[reportArgumentType]
        return callback

    callback, found = fresh(), []
    for step, value in enumerate(values):
        if step == resumed_at:
            checkpoint: dict[str, Any] = {"state_dict": module.state_dict()}
            callback.on_save_checkpoint(trainer, module, checkpoint)  # pyright: ignore[reportArgumentType]
            state, callback = callback.state_dict(), fresh()
            callback.on_load_checkpoint(trainer, module, checkpoint)  # pyright: ignore[reportArgumentType]
            callback.load_state_dict(state)
        module.weight.data.fill_(value)
        trainer.global_step = step + 1
        callback.on_train_batch_end(trainer, module, None, None, step)  # pyright: ignore[reportArgumentType]
        assert callback._average_model is not None
        found.append(callback._average_model.get_parameter("module.weight").item())
    return found


def test_before_it_begins_the_average_is_the_weights_themselves() -> None:
    assert _averages(3, [4.0, 8.0, 16.0, 32.0, 64.0]) == [4.0, 8.0, 16.0, 24.0, 44.0]


def test_from_the_start_it_is_an_average_from_the_first_step() -> None:
    assert _averages(0, [4.0, 8.0, 16.0]) == [4.0, 6.0, 11.0]


def test_it_goes_on_after_a_resume_before_or_after_it_begins() -> None:
    values = [4.0, 8.0, 16.0, 32.0, 64.0]
    for resumed_at in range(1, 5):
        assert _averages(3, values, resumed_at=resumed_at) == _averages(3, values)
