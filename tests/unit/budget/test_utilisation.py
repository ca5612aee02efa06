"""Model FLOP utilisation: peaks by device name, and the share of them."""

import pytest

from hrmlab.budget.utilisation import peak, utilisation


@pytest.mark.parametrize(
    ("device", "bf16", "fp32"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12, 67e12),
        ("NVIDIA H100 PCIe", 756e12, 51e12),
        ("NVIDIA H100 NVL", 835e12, 60e12),
        ("NVIDIA H200", 989e12, 67e12),
        ("NVIDIA A100-SXM4-80GB", 312e12, 19.5e12),
        ("NVIDIA A10G", 70e12, 35e12),
        ("NVIDIA A10", 125e12, 31.2e12),
        ("NVIDIA L4", 121e12, 30.3e12),
        ("NVIDIA L40S", 362e12, 91.6e12),
        ("NVIDIA GeForce RTX 4090", 165.2e12, 82.6e12),
        ("NVIDIA GeForce GTX 1080", None, None),
    ],
)
def test_a_device_is_found_by_its_name(device: str, bf16: float | None, fp32: float | None) -> None:
    assert (peak(device, "bf16"), peak(device, "fp32")) == (bf16, fp32)


def test_devices_share_the_work() -> None:
    assert utilisation(989e12, 2.0, device="NVIDIA H200", devices=1, precision="bf16") == pytest.approx(0.5)
    assert utilisation(989e12, 2.0, device="NVIDIA H200", devices=4, precision="bf16") == pytest.approx(0.125)
    assert utilisation(1e12, 1.0, device="somebody's", devices=1, precision="bf16") is None
    assert utilisation(1e12, 0.0, device="NVIDIA H200", devices=1, precision="bf16") is None
