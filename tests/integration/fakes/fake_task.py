"""A data component without data."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Spec:
    name: str


class FakeTask:
    def __init__(
        self,
        *,
        behaviour: Literal["succeed", "user_error", "training_failed", "crash", "disk_full", "lost_signal", "exit"] = "succeed",
        fails_for_seed: int | None = None,
        seconds: float = 0.0,
        side: int = 4,
        best_rate: float = 0.001,
        diverges_from: float = 1.0,
    ) -> None:
        self.name = f"fake_{side}x{side}"
        self.spec = Spec(self.name)
