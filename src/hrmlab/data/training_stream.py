"""An endless, seeded stream of training examples that lives on the training device, or stays on disk where memory shall not hold it.

The n-th example drawn is a pure function of (data, seed, n): which row, in which augmentation. Arms of a comparison that share the
seed therefore see the same examples in the same order, however fast each of them asks, and resuming needs nothing but n. Processes that
train together count together: their slots, process by process, draw what the slots of one process would. While a curriculum widens, the
row depends on the step at which it is drawn as well, which a resumed run knows.
"""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom, stream_key, torch_stream
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.groups import Groups
from hrmlab.data.selection import Curriculum, Selection
from hrmlab.data.task import Augmentation

_DRAWS_BETWEEN_REFILLS = 256


def epoch_order(seed: int, epoch: int, units: int) -> Tensor:
    """(units,) int64: the permutation in which an epoch draws its units, which are rows or groups of rows."""
    return torch.randperm(units, generator=torch_stream(seed, "order", epoch))


def order_hash(seed: int, examples: ExampleSet, curriculum: Curriculum | None = None) -> str:
    """Fingerprint of which rows are drawn in which order, by which weights and curriculum; equal for arms that see the same examples."""
    units = Groups(examples)
    digest = hashlib.sha256(torch.cat([epoch_order(seed, epoch, len(units)) for epoch in range(2)]).numpy().tobytes())
    digest.update(Selection(units, curriculum=curriculum, seed=seed).digest())
    return digest.hexdigest()[:16]


class TrainingStream:
    """Rows of a training set in a fresh seeded permutation for every epoch, augmented on the device.

    Where rows have groups an epoch draws each group once, and of it a random row. Where they have weights, it draws each in proportion.

    Args:
        examples: the training set.
        augmentation: applied to every drawn example; None for none.
        seed: of the order and of the augmentations.
        device: where it all lives.
        rank: this process among ``world_size``.
        world_size: processes that share the stream; they draw at the same time, each as often as the others.
        curriculum: draws come from the easiest rows at first; None: from all.
        wanted_by_all: the (world_size,) counts of all processes, from the count () of this one.

    Attributes:
        position: () int64, how many examples all processes have drawn.
    """

    def __init__(
        self,
        *,
        examples: ExampleSet,
        augmentation: Augmentation | None,
        seed: int,
        device: torch.device,
        rank: int = 0,
        world_size: int = 1,
        curriculum: Curriculum | None = None,
        wanted_by_all: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.seed, self.rank, self.world_size, self.device = seed, rank, world_size, device
        self._wanted_by_all = wanted_by_all or _gathered
        self._length = examples.inputs.shape[1]
        self._rows_of = _DiskRows(examples, device) if examples.on_disk else _DeviceRows(examples, device)
        self.augmentation = None if augmentation is None else augmentation.to(device)
        self._augmentation_key = stream_key(seed, "augmentation")
        self._groups = Groups(examples, device)
        self._selection = Selection(self._groups, curriculum=curriculum, seed=seed, device=device)
        self._member_key = stream_key(seed, "member of a group")
        self.position = torch.zeros((), dtype=torch.int64, device=device)
        self._order, self._first_row, self._largest_position = torch.empty(0, dtype=torch.int64, device=device), 0, 0

    def _prepare_order(self, batch_size: int) -> None:
        """Have the row numbers of the coming draws at hand.

        The position is known only on the device, but no process draws more than ``batch_size`` at a time, so its upper bound is known here.
        Reading the true position, the only synchronisation, is needed when the bound leaves the prepared rows: once in a few hundred draws.
        """
        together = batch_size * self.world_size
        self._largest_position += together
        if self._largest_position <= self._first_row + len(self._order):
            return
        position = int(self.position)
        self._largest_position = position + together
        rows = len(self._groups)
        first_epoch = position // rows
        epochs = _DRAWS_BETWEEN_REFILLS * together // rows + 2
        self._first_row = first_epoch * rows
        self._order = torch.cat([epoch_order(self.seed, first_epoch + epoch, rows) for epoch in range(epochs)]).to(self.device)

    def draw(self, wanted: Tensor, current: Batch, *, step: int) -> Batch:
        """The batch with the next examples in the slots marked by ``wanted`` (B,) bool and the others as they are in ``current``.

        Every drawn example lands in a slot; none is thrown away.

        Args:
            step: optimizer steps done, which a curriculum goes by.
        """
        self._prepare_order(len(wanted))
        count = before = wanted.sum()
        if self.world_size > 1:
            counts = self._wanted_by_all(count)
            count, before = counts.sum(), counts[: self.rank + 1].sum()
        number = self.position + before - wanted.sum() + wanted.cumsum(0) - 1
        number = torch.where(wanted, number, self.position)
        # Slots that want nothing look at the next example too (static shapes, no synchronisation) and keep their own.
        row = self._row(number, step)
        drawn = self._rows_of(row)
        if self.augmentation is not None:
            drawn = self.augmentation(drawn, row, CounterRandom(self._augmentation_key, number))
        self.position = self.position + count
        chosen = wanted[:, None]
        return Batch(
            inputs=torch.where(chosen, drawn.inputs, current.inputs),
            labels=torch.where(chosen, drawn.labels, current.labels),
            puzzle_ids=torch.where(wanted, drawn.puzzle_ids, current.puzzle_ids),
        )

    def _row(self, number: Tensor, step: int) -> Tensor:
        """(B,) the row that each draw takes."""
        unit = self._selection.pick(self._order[number - self._first_row], number, step)
        return self._groups.row(unit, CounterRandom(self._member_key, number))

    def empty_batch(self, batch_size: int) -> Batch:
        """Slots that hold nothing yet."""
        shape = (batch_size, self._length)
        zeros = torch.zeros(shape, dtype=torch.int64, device=self.device)
        return Batch(inputs=zeros, labels=zeros, puzzle_ids=zeros[:, 0])

    def state_dict(self) -> dict[str, int]:
        return {"drawn": int(self.position), "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        # In checkpoints of earlier versions every process counted its own draws, about as many as each other.
        drawn = state["drawn"] if "drawn" in state else state["position"] * self.world_size
        self.position = torch.tensor(drawn, dtype=torch.int64, device=self.device)
        self._order, self._first_row, self._largest_position = self._order[:0], 0, 0


class _DeviceRows:
    """Rows that are on the device as a whole."""

    def __init__(self, examples: ExampleSet, device: torch.device) -> None:
        # Half the memory where the vocabulary allows it; every puzzle task's does.
        small = max(examples.inputs.max(), examples.labels.max()) <= torch.iinfo(torch.int16).max
        width = torch.int16 if small else torch.int32
        self._inputs = torch.from_numpy(examples.inputs).to(device=device, dtype=width)
        self._labels = torch.from_numpy(examples.labels).to(device=device, dtype=width)
        self._puzzle_ids = torch.from_numpy(examples.puzzle_ids).to(device=device, dtype=torch.int64)

    def __call__(self, row: Tensor) -> Batch:
        return Batch(self._inputs[row].long(), self._labels[row].long(), self._puzzle_ids[row])


class _DiskRows:
    """Rows that are read when they are drawn. The host has to know which, so every draw waits for the device."""

    def __init__(self, examples: ExampleSet, device: torch.device) -> None:
        self._arrays, self._device = (examples.inputs, examples.labels, examples.puzzle_ids), device

    def __call__(self, row: Tensor) -> Batch:
        rows = row.cpu().numpy()
        return Batch(*(torch.from_numpy(array[rows].astype(np.int64)).to(self._device) for array in self._arrays))


def _gathered(count: Tensor) -> Tensor:
    """(W,) what every process gives; nothing waits for the host."""
    counts = torch.zeros(torch.distributed.get_world_size(), dtype=count.dtype, device=count.device)
    counts[torch.distributed.get_rank()] = count
    torch.distributed.all_reduce(counts)
    return counts
