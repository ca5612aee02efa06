"""What make gpu-check measures, tried out on the CPU: settings, their order, what there was no time for, the page."""

import json
from pathlib import Path

import pytest
from benchmarks.__main__ import main
from benchmarks.gpu_steps import page


@pytest.mark.slow
def test_small_models_on_the_cpu(tmp_path: Path) -> None:
    words = ["device=cpu", "parameters=400000", "batches=2", "steps=3", "threads=1", "seconds=300", "output=json", f"folder={tmp_path}"]
    assert main(["case=gpu_steps", *words]) == 0
    result = json.loads((tmp_path / "gpu_steps.json").read_text())
    hrm, transformer = result["settings"]
    assert (hrm["arm"], transformer["arm"], hrm["steps"], transformer["steps"]) == ("hrm", "transformer", 3, 3)
    assert abs(hrm["parameters"] / transformer["parameters"] - 1) < 0.01
    assert hrm["segments_per_s"] > 0
    assert hrm["model_flops_utilisation"] is None  # of a CPU no peak is known
    assert "profile" in hrm
    assert "profile" not in transformer
    text = (tmp_path / "gpu_steps.md").read_text()
    assert "# Training steps on the CPU" in text
    assert "| hrm | 2 | no |" in text
    assert "Where the time of a step goes (hrm, batch 2" in text


def test_what_no_time_is_left_for_is_said(tmp_path: Path) -> None:
    assert main(["case=gpu_steps", "device=cpu", "batches=384,768", "threads=1", "seconds=0", f"folder={tmp_path}"]) == 0
    settings = json.loads((tmp_path / "gpu_steps.json").read_text())["settings"]
    assert len(settings) == 8
    assert {row["left_out"] for row in settings} == {"no time was left"}
    assert settings[0] == {"arm": "hrm", "batch": 768, "compiled": True, "left_out": "no time was left"}


def test_utilisation_is_on_the_page() -> None:
    row = {"arm": "hrm", "batch": 768, "compiled": True, "segments_per_s": 4321.0, "teraflops_per_s": 400.0}
    text = page({"device": "NVIDIA H100", "settings": [{**row, "model_flops_utilisation": 0.4044, "peak_memory_gib": 30.1}]})
    assert "| hrm | 768 | yes | 4,321 | 400.0 | 40.4 % | 30.1 GiB |" in text
