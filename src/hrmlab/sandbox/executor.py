"""The executor: some zygotes, samples in, verdicts out as they come."""

import contextlib
import selectors
import signal
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from hrmlab.core.errors import UserError
from hrmlab.sandbox import launch
from hrmlab.sandbox.inside.program import GONE
from hrmlab.sandbox.samples import Sample, Verdict
from hrmlab.sandbox.selftest import Probes
from hrmlab.sandbox.worker import StartFailed, Worker

_DIED = "failed: the sandbox ended while it judged this sample"
_LEAST_MEMORY_MIB = 64


class Executor:
    """Judges samples, each in two processes of its own, confined by the strongest tier that holds on this machine.

    Use it as a context manager; entering finds the tier by attacking it. Helpers are started with exec, so a process with threads (torch
    loaded, training) may hold an executor. One thread at a time may use it.

    Args:
        workers: samples judged at the same time.
        timeout: seconds of wall-clock time per sample that has no limit of its own.
        memory_mib: MiB that each of a sample's two processes may map.
        allow_unsafe: judge also where no tier holds, with resource limits alone.
        tier: the only tier to try, by its name; for tests and for comparisons.

    Raises:
        UserError: an argument is out of range, or (on entering) no sandbox holds.
    """

    def __init__(
        self, workers: int = 2, timeout: float = 3.0, memory_mib: int = 512, allow_unsafe: bool = False, tier: str | None = None
    ) -> None:
        if workers < 1:
            raise UserError(f"workers={workers} is not a number of processes; it must be at least 1")
        if not 0 < timeout <= 86_400:
            raise UserError(f"timeout={timeout} is not a number of seconds; it must be above 0 and at most 86400")
        if memory_mib < _LEAST_MEMORY_MIB:
            raise UserError(f"memory_mib={memory_mib} is too little for Python; it must be at least {_LEAST_MEMORY_MIB}")
        known = [*launch.TIERS, *([launch.UNSAFE] if allow_unsafe else [])]
        self._tiers = [choice for choice in known if tier in (None, str(choice))]
        if not self._tiers:
            raise UserError(f"tier={tier} is not known; tiers are {', '.join(map(str, known))}")
        self._count, self._timeout, self._memory_mib = workers, timeout, memory_mib
        self._workers: list[Worker] = []
        self._tier = ""

    @property
    def tier(self) -> str:
        """What confines the samples, such as ``bwrap+seccomp+landlock``; empty before entering."""
        return self._tier

    @property
    def timeout(self) -> float:
        """Seconds for a sample that has no limit of its own."""
        return self._timeout

    def __enter__(self) -> Self:
        refusals = []
        for tier in self._tiers:
            try:
                refusal = self._try(tier)
            except (StartFailed, OSError) as error:
                refusal = str(error)
            except BaseException:
                self.close()
                raise
            if not refusal:
                return self
            self.close()
            refusals.append(f"{tier}: {refusal}")
        raise UserError(
            f"no sandbox holds on this machine, so nothing was run ({'; '.join(refusals)}); install bubblewrap "
            "(Debian, Ubuntu: apt install bubblewrap), or, where losing the machine would not matter, give --allow-unsafe-execution "
            "(allow_unsafe=True)"
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all helpers."""
        for worker in self._workers:
            worker.stop()

    def judge(self, samples: Iterable[Sample]) -> Iterator[tuple[int, Verdict]]:
        """Judge samples; yields (position among the samples, verdict) as they finish.

        Samples are taken as they are needed. Leaving the loop early, by whatever way, ends what is under way.

        Raises:
            UserError: the sandbox, which has held before, does not start any more.
        """
        if not self._tier:
            raise RuntimeError("an Executor judges between entering and leaving: with Executor() as executor: ...")
        try:
            yield from self._judge(samples)
        except (StartFailed, OSError) as error:
            self.close()
            raise UserError(f"the sandbox ({self._tier}) does not start any more: {error}; the verdicts so far hold") from error

    def _try(self, tier: launch.Tier) -> str:
        """Start a tier's workers and attack them; why it does not hold, or nothing."""
        command = launch.launch(tier, memory_mib=self._memory_mib)
        self._workers = [Worker(command, self._timeout) for _ in range(self._count)]
        self._tier = str(tier)
        refusal = ""
        with Probes(expect_walls=tier != launch.UNSAFE, preserved=max(self._timeout, 3.0)) as probes:
            for worker in self._workers:
                worker.set_timeout(probes.timeout)
            for index, verdict in self._judge(probes.samples):
                refusal = refusal or probes.refusal(index, verdict)
        for worker in self._workers:
            worker.set_timeout(self._timeout)
        if refusal:
            self._tier = ""
        return refusal

    def _judge(self, samples: Iterable[Sample]) -> Iterator[tuple[int, Verdict]]:
        waiting = enumerate(samples)
        selector = selectors.DefaultSelector()
        registered: dict[int, tuple[int, int]] = {}

        def attach(worker: Worker) -> None:
            selector.register(worker.output, selectors.EVENT_READ, worker)
            if worker.writing:
                selector.register(worker.input, selectors.EVENT_WRITE, worker)
            registered[id(worker)] = (worker.output, worker.input)

        def detach(worker: Worker) -> None:
            for descriptor in registered.pop(id(worker), ()):
                with contextlib.suppress(KeyError):
                    selector.unregister(descriptor)

        def begin(worker: Worker, job: tuple[int, Sample]) -> None:
            if not worker.running:
                worker.start()
            worker.give(job)
            attach(worker)

        try:
            more = True
            while True:
                for worker in self._workers:
                    if more and worker.job is None:
                        job = next(waiting, None)
                        more = job is not None
                        if job is not None:
                            worker.attempts = 0
                            begin(worker, job)
                busy = [worker for worker in self._workers if worker.job is not None]
                if not busy:
                    return
                pause = min(worker.deadline for worker in busy) - time.monotonic()
                touched = {id(key.data): key.data for key, _ in selector.select(max(0.0, pause))}
                for worker in busy:
                    verdict, over = self._attend(worker, id(worker) in touched)
                    if not over:
                        if not worker.writing and id(worker) in registered:
                            with contextlib.suppress(KeyError):
                                selector.unregister(worker.input)
                        continue
                    detach(worker)
                    job = worker.job
                    assert job is not None
                    if verdict is None and worker.attempts == 0:  # it died: once more, in a fresh one
                        worker.stop()
                        worker.attempts = 1
                        begin(worker, job)
                        continue
                    if not worker.running or verdict is None:
                        worker.stop()
                    worker.job = None
                    yield job[0], verdict or Verdict(False, _DIED, self._tier, 0.0)
        finally:
            selector.close()
            for worker in self._workers:
                if worker.job is not None:
                    worker.job = None
                    worker.stop()

    def _attend(self, worker: Worker, touched: bool) -> tuple[Verdict | None, bool]:
        """Read and write what can be; the verdict, where there is one, and whether the sample is over."""
        if touched:
            worker.write()
            try:
                for message in worker.read():
                    if message["recycle"]:
                        worker.stop()
                    return self._verdict(worker.verdict, message), True
            except EOFError:
                return None, True
        if time.monotonic() > worker.deadline:
            if not worker.ready:
                raise StartFailed("the process does not report")
            worker.stop()
            return Verdict(False, "timed out", self._tier, worker.limit), True
        return None, False

    def _verdict(self, result: str | None, message: dict[str, Any]) -> Verdict:
        if result is None:
            result = "timed out" if message["timed_out"] else "failed: the tests' process ended without a verdict"
        elif result == f"failed: {GONE}" and message["status"] & 0x7F:
            number = message["status"] & 0x7F
            with contextlib.suppress(ValueError):
                result += f" ({signal.Signals(number).name})"
        text = result.encode(errors="backslashreplace").decode()
        return Verdict(text == "passed", text, self._tier, message["seconds"])
