"""Opening of ONNX files with onnxruntime."""

from pathlib import Path
from typing import Any


def open_onnx(source: Path | str | bytes, name: str | None = None, *, threads: int | None) -> Any:
    """Open an ONNX model as an onnxruntime.InferenceSession on the CPU.

    Args:
        source: a file, or the content of one.
        name: name of the model in error messages; the path by default.
        threads: upper limit of CPU threads; None leaves the choice to onnxruntime.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an ONNX model, such as a checkpoint of `deepsort-reid train`.
    """
    import onnxruntime  # takes 0.1 s to load; not every user of a detector needs it

    if threads is not None and threads < 1:
        raise ValueError(f"threads: expected at least 1 or None, got {threads}")
    name = name or str(source)
    if not isinstance(source, bytes):
        _reject_checkpoint(Path(source))
        if not Path(source).is_file():
            raise FileNotFoundError(f"{name}: no such ONNX file")
        source = str(source)  # not its content: large weights may be in a second file beside it
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: exported models cause warnings without a remedy
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of onnxruntime have no other common base class
        reason = str(error).strip().splitlines()
        raise ValueError(
            f"{name}: expected an ONNX model, got a file that onnxruntime cannot load"
            + (f" ({reason[0]})" if reason else "")
        ) from error


def _reject_checkpoint(path: Path) -> None:
    """Raise ValueError, with the remedy, for a PyTorch checkpoint or a folder of checkpoints."""
    is_run_folder = any((path / name).is_file() for name in ("best.pt", "last.pt"))
    if is_run_folder or (path.is_file() and path.suffix.lower() in (".pt", ".pth")):
        what = "a run folder" if is_run_folder else "a checkpoint"
        raise ValueError(
            f"{path}: expected an ONNX file, got {what}; "
            f"export it first: deepsort-reid export {path} --crops DATA --out FILE.onnx"
        )
