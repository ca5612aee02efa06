"""Model FLOP utilisation (Chowdhery et al. 2022, arXiv 2204.02311, Appendix B): what a model computed of what its devices could have."""

TERA = 1e12
PEAKS: dict[str, tuple[float, float]] = {
    "B200": (2250, 80),
    "H100 NVL": (835, 60),
    "H100 PCIe": (756, 51),
    "H100": (989, 67),
    "H200 NVL": (835, 60),
    "H200": (989, 67),
    "GH200": (989, 67),
    "A100": (312, 19.5),
    "A10G": (70, 35),
    "A10": (125, 31.2),
    "A40": (149.7, 37.4),
    "L40S": (362, 91.6),
    "L4": (121, 30.3),
    "RTX 3090": (71, 35.6),
    "RTX 4090": (165.2, 82.6),
    "RTX 5090": (209.5, 104.8),
}
"""Dense TFLOP/s in bf16 (with fp32 sums) and in fp32 (without TF32, as torch multiplies by default), by a part of the device's name; from
NVIDIA's data sheets, without sparsity."""


def peak(device: str, precision: str) -> float | None:
    """Floating-point operations per second that a device can do at most.

    Args:
        device: its name, as ``torch.cuda.get_device_name`` gives it.
        precision: ``bf16`` or ``fp32``.

    Returns:
        None for a device that is not in the table: no figure is better than a wrong one.
    """
    words = device.replace("-", " ").split()
    for name, (bf16, fp32) in sorted(PEAKS.items(), key=lambda item: -len(item[0].split())):
        if all(part in words for part in name.split()):
            return TERA * (bf16 if precision == "bf16" else fp32)
    return None


def utilisation(flops: float, seconds: float, *, device: str, devices: int, precision: str) -> float | None:
    """Share of the peak that was used for the model's own operations, between 0 and 1; None where the peak is not known.

    Args:
        flops: of the model, computed once: what gradient checkpointing computes again does not count.
        seconds: that they took, all that stood between them included.
        device: name of each of the devices.
        devices: how many shared the work.
        precision: of the matrix products.
    """
    most = peak(device, precision)
    return None if most is None or seconds <= 0 else flops / (seconds * devices * most)
