"""Small causal arms as models of transformers."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "contracts")]

MARKS_OF_TRANSFORMERS = (
    "accelerate_tests", "executorch_export_test", "flash_attn_test", "flash_attn_3_test", "flash_attn_4_test", "generate",
    "is_training_test", "onnx_export_test", "torch_compile_test", "torch_export_test",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    for name in MARKS_OF_TRANSFORMERS:
        config.addinivalue_line("markers", f"{name}: of transformers' own tests")
