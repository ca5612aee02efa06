"""The LightningModule: one supervised segment per step for any reasoner."""

from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from hrmlab.config.configuration import Configuration
from hrmlab.core.components import Component
from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.data.loading import EvaluationBatch, StreamLoader
from hrmlab.data.task import Task
from hrmlab.data.training_stream import TrainingStream
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.split import SplitEvaluator
from hrmlab.models.halting import continue_target, decide_halting, wants_to_halt, whole_example
from hrmlab.models.precision import Computation, Precision
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.clock import Clock, Spent
from hrmlab.training.losses import LossOptions, segment_loss
from hrmlab.training.optimizers import OptimizerBundle
from hrmlab.training.progression import HaltingProgression
from hrmlab.training.slots import Slots
from hrmlab.training.sparse_gradients import average_over_processes, leave_to_us, sparse_parameters
from hrmlab.training.terms.collection import LossTerms
from hrmlab.training.terms.term import Segment
from hrmlab.training.totals import Totals


class SegmentTraining(pl.LightningModule):
    """Trains and evaluates a reasoner.

    A step is one segment of every slot and one optimizer update, as in the published recipe; halted slots refill before the next step.

    Args:
        reasoner: what to train.
        task: scores predictions by its own rules.
        optimizer: a choice of ``conf/optimizer``.
        steps: optimizer steps of the whole run, for the schedule.
        batch_size: slots of this process.
        precision: ``fp32`` or ``bf16``.
        loss: what is learned.
        gradient_clip: largest norm of all dense gradients together; None for none.
        seed: start of the random streams of exploration and of what a reasoner draws.
        log_every_steps: steps between two rows of training metrics.
        progression: of halting, over the steps; None for none.
        terms: further losses; None for none.
        gradient_accumulation: parts that the slots of this process are computed in, one after another: less memory, the same step.
    """

    def __init__(
        self,
        *,
        reasoner: Reasoner,
        task: Task,
        optimizer: Component,
        steps: int,
        batch_size: int,
        precision: Precision,
        loss: LossOptions,
        gradient_clip: float | None,
        seed: int,
        log_every_steps: int,
        progression: HaltingProgression | None = None,
        terms: LossTerms | None = None,
        gradient_accumulation: int = 1,
    ) -> None:
        super().__init__()
        self.reasoner = reasoner
        self._optimizer, self._steps = optimizer, steps
        self._batch_size, self._gradient_clip = batch_size, gradient_clip
        self.gradient_accumulation, self._part_size = gradient_accumulation, batch_size // gradient_accumulation
        self._loss = loss
        self._terms = terms or LossTerms({})
        self._progression = progression or HaltingProgression(steps=steps)
        self._exploration_key, self._reasoner_key = stream_key(seed, "exploration"), stream_key(seed, "reasoner")
        self.log_every_steps = log_every_steps
        self.computation = Computation(reasoner, precision, likelihood=loss.kind)
        self.evaluator = SplitEvaluator(task=task, halts=reasoner.halts)
        self.metrics = self.evaluator.metrics  # a submodule, so that its sums move with the model
        self.slots: Slots | None = None
        self.totals = Totals()
        self.split_metrics: dict[str, float] = {}
        self.shown: dict[str, float] = {}
        self.validation_score = (-1.0, -1.0)
        self._restored: dict[str, Any] | None = None
        self._clock = Clock()
        leave_to_us(self)

    def spent(self) -> Spent:
        """Wall time, processor time and the machine's load so far, over all resumes and processes; all processes call it together."""

        def over_processes(value: float) -> float:
            total = self.trainer.strategy.reduce(torch.tensor(value, dtype=torch.float64, device=self.device), reduce_op="sum")
            return float(total)

        return self._clock.spent(over_processes=over_processes, whole_machine=self.trainer.num_nodes == 1)

    def configure_optimizers(self) -> Any:
        optimizer: OptimizerBundle = self._optimizer.build(reasoner=self.reasoner)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": optimizer.schedule(steps=self._steps), "interval": "step"}}

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        if self.trainer.world_size > 1:
            average_over_processes(sparse_parameters(self).values(), slots=self._batch_size)

    def configure_gradient_clipping(self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None) -> None:
        if self._gradient_clip is not None:
            dense = [p for p in self.reasoner.parameters() if p.grad is not None and not p.grad.is_sparse]
            torch.nn.utils.clip_grad_norm_(dense, self._gradient_clip)

    # ---- training ---------------------------------------------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        self._clock.start()
        self.totals.to(self.device)

    def _slots(self, stream: TrainingStream) -> Slots:
        if self.slots is None:
            self.slots = Slots.empty(self.computation, stream, self._batch_size)
            if self._restored is not None:
                state = self._restored["ranks"][self.global_rank]
                self.slots.load_state_dict(state["slots"])
                stream.load_state_dict(state["stream"])
                self._restored = None
        return self.slots

    def training_step(self, stream: TrainingStream, batch_idx: int) -> Tensor:
        """One segment of every slot; returns the loss per slot, of the last part alone where the slots are computed in several."""
        step = self.trainer.global_step
        self.reasoner.at_progress(step / self._steps)
        self.computation.prepare()
        slots = self._slots(stream)
        first = (step * self.trainer.world_size + self.global_rank) * self._batch_size
        self._draw_from(first, self._batch_size)  # a refilled slot may begin with a drawn state
        slots.refill(self.computation, stream, step=step)
        *others, last = parts = slots.parts(self._part_size)
        for place, part in enumerate(others):  # their gradients add up, and no process waits for another: that comes with the last part
            self._segment(part, step, first + place * self._part_size).backward()
        loss = self._segment(last, step, first + len(others) * self._part_size)
        slots.join(parts)
        return loss

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Any) -> None:
        """Nothing: Lightning would do it between the parts of a step. :meth:`on_train_batch_start` does it before them."""

    def on_train_batch_start(self, batch: TrainingStream, batch_idx: int) -> None:
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        optimizer.zero_grad()

    def _draw_from(self, first: int, count: int) -> Tensor:
        """Let the reasoner draw the random numbers of these slots, whose numbers (count,) over all steps and processes come back."""
        slot = torch.arange(count, device=self.device) + first
        self.reasoner.random = CounterRandom(self._reasoner_key, slot)
        return slot

    def _segment(self, slots: Slots, step: int, first: int) -> Tensor:
        """One segment of some slots of this process, the first of which has this number over all steps and processes; their part of the
        loss per slot."""
        slot = self._draw_from(first, len(slots.segments))
        before = slots.carry
        slots.carry, prediction = self.computation(before, slots.batch)
        max_segments = self._progression.max_segments(step, self.reasoner.max_segments)
        wants = wants_to_halt(prediction)
        slots.halted = decide_halting(
            None if wants is None else whole_example(wants, slots.batch.labels),
            slots.segments,
            max_segments=max_segments,
            exploration=self._progression.exploration(step, self.reasoner.exploration),
            random=CounterRandom(self._exploration_key, slot),
        )
        target = None
        if self.reasoner.continues and self.reasoner.max_segments > 1:
            with torch.no_grad():
                q_values = self.computation.look_ahead(slots.carry, slots.batch)
                target = continue_target(slots.segments, *q_values, max_segments=max_segments)
        answers = prediction.logits.argmax(-1)
        right = correctness(answers, slots.batch.labels)
        loss, parts = segment_loss(prediction, answers, slots.batch.labels, target_q_continue=target, options=self._loss)
        segment = Segment(
            batch=slots.batch,
            prediction=prediction,
            number=slots.segments,
            max_segments=max_segments,
            likelihood=self._loss.kind,
            read_previous=lambda: self.computation.read_carry(before, slots.batch.inputs.shape[1]),
        )
        loss, parts = self._terms.added(loss, parts, segment)
        self.totals.add(step=step, loss=loss.detach(), parts=parts, right=right, segments=slots.segments, halted=slots.halted)
        return loss / self._batch_size

    def on_train_batch_end(self, outputs: Any, batch: TrainingStream, batch_idx: int) -> None:
        self.computation.release()
        self.reasoner.random = None
        step = self.trainer.global_step
        if step % self.log_every_steps == 0 or step == self._steps:
            values = self.totals.flush(world_size=self.trainer.world_size)
            values["train/examples_drawn"] = int(batch.position)
            values["train/segments_done"] = step * self._batch_size * self.trainer.world_size
            optimizer = self.optimizers()
            assert not isinstance(optimizer, list)
            values["train/learning_rate"] = optimizer.param_groups[0]["lr"]
            values |= {f"train/learning_rate/{group['part']}": group["lr"] for group in optimizer.param_groups if "part" in group}
            if (cpu_seconds := self.spent().cpu_seconds) is not None:
                values["train/cpu_seconds"] = cpu_seconds
            self.record(values)
            names = {"train/loss": "loss", "train/exact_accuracy": "exact", "train/examples_per_second": "examples/s"}
            self.shown |= {short: values[name] for name, short in names.items() if name in values}

    def record(self, values: Mapping[str, float]) -> None:
        """Give metrics of this step to every logger."""
        for logger in self.loggers:
            logger.log_metrics({**values, "seconds": self._clock.seconds}, step=self.trainer.global_step)

    # ---- evaluation -------------------------------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self.computation.prepare()

    def on_test_epoch_start(self) -> None:
        self.computation.prepare()
        self.evaluator.record_examples()

    def validation_step(self, batch: EvaluationBatch, batch_idx: int) -> None:
        self.evaluator.add(self.computation, batch)

    def test_step(self, batch: EvaluationBatch, batch_idx: int) -> None:
        self.evaluator.add(self.computation, batch)

    def on_validation_epoch_end(self) -> None:
        self.computation.release()
        values = {f"val/{name}": value for name, value in self.metrics.compute().items()}
        if not self.trainer.sanity_checking:
            self.record(values)
        self.shown["val exact"] = values["val/exact_accuracy"]
        self.validation_score = (values["val/exact_accuracy"], values["val/cell_accuracy"])

    def on_test_epoch_end(self) -> None:
        self.computation.release()
        self.split_metrics = self.metrics.compute()

    # ---- checkpoints ------------------------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Everything that the next step depends on beyond weights and optimizer, for every process."""
        state: dict[str, Any] = {"slots": None, "stream": None, "totals": self.totals.state_dict()}
        if self.slots is not None:
            loader = self.trainer.train_dataloader
            assert isinstance(loader, StreamLoader)
            state |= {"slots": self.slots.state_dict(), "stream": loader.stream.state_dict()}
        ranks = [state]
        if self.trainer.world_size > 1:
            ranks = [{}] * self.trainer.world_size
            torch.distributed.all_gather_object(ranks, state)
        checkpoint["training"] = {"ranks": ranks, **self._clock.state_dict(self.spent())}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        training = checkpoint.get("training")
        if training is not None and training["ranks"][0]["slots"] is not None:
            self._restored = training
            self.totals.load_state_dict(training["ranks"][self.global_rank]["totals"])
            self._clock.load_state_dict(training)


def build_module(
    config: Configuration, *, reasoner: Reasoner, task: Task, batch_size: int, gradient_accumulation: int | None = None
) -> SegmentTraining:
    """The module that a configuration describes; ``batch_size`` is that of one process, ``gradient_accumulation`` in place of its own."""
    training = config.training
    return SegmentTraining(
        reasoner=reasoner,
        task=task,
        optimizer=config.optimizer,
        steps=training.steps,
        batch_size=batch_size,
        precision=training.precision,
        loss=LossOptions(
            kind=training.loss,
            halting_weight=training.halting_loss_weight,
            halting_target=training.halting_target,
            label_smoothing=training.label_smoothing,
            halting_loss=training.halting_loss,
        ),
        gradient_clip=training.gradient_clip,
        seed=config.seed,
        log_every_steps=training.log_every_steps,
        progression=HaltingProgression(
            steps=training.steps, curriculum=training.halting_curriculum, annealing=training.exploration_annealing
        ),
        terms=LossTerms.of(training.loss_terms),
        gradient_accumulation=gradient_accumulation or training.gradient_accumulation,
    )
