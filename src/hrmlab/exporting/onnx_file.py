"""A segment as an ONNX file, in float32 or with 8-bit weights. Needs the extra ``export``."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.export import ExportedProgram

from hrmlab.core.errors import UserError
from hrmlab.exporting.segment import Names


def check_onnx() -> None:
    """Refuse where the extra is not installed.

    Raises:
        UserError: with how to install it.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"to=onnx needs {error.name}, which is not installed; pip install 'hrmlab[export]'") from None
    del onnx, onnxruntime


def save_onnx(program: ExportedProgram, names: Names, path: Path) -> None:
    """Write a program as one ONNX file whose first dimension of everything is free.

    Args:
        program: of :func:`hrmlab.exporting.program.export_program`.
        names: of its arguments and results.
        path: the file.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass, DeduplicateInitializersPass

    with _quietly():
        written = torch.onnx.export(
            program, input_names=list(names.inputs), output_names=list(names.outputs), dynamo=True, optimize=True, verbose=False
        )
    assert written is not None
    # The exporter turns a matrix round once for every place that multiplies by it, and a recurrent model does so in every cycle.
    DeduplicateInitializersPass(size_limit=2**31)(written.model)
    ClearMetadataAndDocStringPass()(written.model)  # every node says from which line of which folder it came
    written.save(str(path), external_data=False)


def save_int8(source: Path, path: Path) -> None:
    """Write an ONNX file again with its matrices as 8-bit integers; activations are quantised as they come ("dynamic").

    Symmetric, one scale for every output channel. Embedding tables, norms and everything that is no matrix product stay float32.

    Args:
        source: a file of :func:`save_onnx`.
        path: the new file.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder, _quietly():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(str(prepared), str(path), weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"])


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter and the quantiser say of other packages that they miss, and of their own progress."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
