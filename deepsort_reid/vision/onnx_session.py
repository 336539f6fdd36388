"""Open an ONNX file with onnxruntime, or say in one line why not."""

from pathlib import Path
from typing import Any

import onnxruntime


def open_onnx(source: Path | str | bytes, name: str | None = None, *, threads: int | None) -> Any:
    """An onnxruntime.InferenceSession on the CPU.

    source: a file, or its content; name: what messages call it; threads: at most so many CPU
    threads, None leaves the choice to onnxruntime.

    Raises FileNotFoundError for a missing file, ValueError for one that is no ONNX model, among
    them what `deepsort-reid train` leaves.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads: expected at least 1 or None, got {threads}")
    name = name or str(source)
    if not isinstance(source, bytes):
        _refuse_training(Path(source))
        if not Path(source).is_file():
            raise FileNotFoundError(f"{name}: no such ONNX file")
        source = str(source)  # a path, not its content: weights may lie in a second file beside it
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: exporters leave warnings users cannot act on
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class but Exception
        reason = str(error).strip().splitlines()
        raise ValueError(
            f"{name}: expected an ONNX model, got a file that onnxruntime cannot load"
            + (f" ({reason[0]})" if reason else "")
        ) from error


def _refuse_training(path: Path) -> None:
    """Raise ValueError, with what to do, for a checkpoint or a folder of checkpoints."""
    is_run = any((path / name).is_file() for name in ("best.pt", "last.pt"))
    if is_run or (path.is_file() and path.suffix.lower() in (".pt", ".pth")):
        what = "a run folder" if is_run else "a checkpoint"
        raise ValueError(
            f"{path}: expected an ONNX file, got {what}; what "
            f"`train` made, export first: deepsort-reid export {path} --crops DATA --out FILE.onnx"
        )
