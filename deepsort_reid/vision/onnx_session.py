"""ONNX models in ONNX Runtime: opening, choice of the device, and reopening of copies."""

import contextlib
import io
import math
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.vision.devices import CPU_PROVIDER, Provider, check_available, select_providers

# Far more than any network for images takes: 1 GB as float32.
_MAX_INPUT_VALUES = 2**28
# Seconds for the first image on a CPU. A network that loops would never come back.
_FIRST_RUN_TIMEOUT = 120.0


class OnnxSession:
    """An ONNX model that is open in ONNX Runtime.

    It can be pickled and copied; the copy opens the file again, with the same options.

    Args:
        source: a file, or a function that returns its path. Copies call the function again.
        name: name of the model in error messages; the path by default.
        threads: upper limit of CPU threads; None leaves the choice to ONNX Runtime.
        device: where the model runs: "cpu", "cuda", "cuda:1", "tensorrt", "openvino", "directml"
            or "coreml". What the device cannot compute is computed on the CPU.
        providers: execution providers of ONNX Runtime in order of preference, each a name or a
            pair (name, {option: value}); instead of `device`.

    Attributes:
        name: as above.
        providers: names of the execution providers that are used, in order of preference.
        metadata: metadata of the file.
        inputs, outputs: descriptions by ONNX Runtime, with `name`, `shape` and `type`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an ONNX model, such as a checkpoint of `deepsort-reid train`;
            or the installed ONNX Runtime does not have the device or provider.
    """

    def __init__(
        self,
        source: Path | str | Callable[[], Path],
        name: str | None = None,
        *,
        threads: int | None = None,
        device: str = "cpu",
        providers: Sequence[Provider] | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads: expected at least 1 or None, got {threads}")
        # A copy may be opened after the working directory has changed.
        path = source() if callable(source) else Path(source).absolute()
        self.name = name or str(source)
        reopen = source if callable(source) else path
        self._reopen = partial(
            OnnxSession, reopen, self.name, threads=threads, device=device, providers=providers
        )
        requested = select_providers(device, providers)
        _reject_checkpoint(path, self.name)
        if not path.is_file():
            raise FileNotFoundError(f"{self.name}: no such ONNX file")
        self._session = _open(path, self.name, threads, requested)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()
        # TensorRT and the like compile the network in their first run, for minutes.
        is_cpu = self.providers[0] == CPU_PROVIDER
        self._timeout: float | None = _FIRST_RUN_TIMEOUT if is_cpu else None
        for each in self.inputs:
            check_input_size(self.name, each.shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reopen, ()

    def run(
        self,
        images: NDArray[Any],
        outputs: Sequence[str] | None = None,
        *,
        others: Mapping[str, NDArray[Any]] | None = None,
    ) -> list[NDArray[Any]]:
        """Outputs of the network for its first input, and `others` by name.

        All outputs are computed, or those named. Raises ValueError when onnxruntime cannot run
        the network on this input, or is not done in time with the first one.
        """
        inputs = {self.inputs[0].name: images, **(others or {})}
        try:
            with _time_limit(self._timeout) as options:
                results = self._session.run(outputs, inputs, options)
            self._timeout = None
        except Exception as error:  # the errors of onnxruntime have no other common base class
            raise ValueError(
                f"{self.name}: onnxruntime cannot run it on {images.shape} {images.dtype} "
                f"({_first_line(error)})"
            ) from error
        return [np.asarray(result) for result in results]

    def describe(self) -> str:
        """Names, shapes and types of inputs and outputs, for error messages."""
        return f"{_describe(self.inputs)} -> {_describe(self.outputs)}"


@contextlib.contextmanager
def _time_limit(seconds: float | None) -> Iterator[Any]:
    """Options of a run that ends after so many seconds; None, and no limit, without seconds."""
    if seconds is None:
        yield None
        return
    import onnxruntime

    options = onnxruntime.RunOptions()
    timer = threading.Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    except Exception as error:
        if options.terminate:
            raise TimeoutError(f"not done with the first image after {seconds:g} s") from error
        raise
    finally:
        timer.cancel()


def check_input_size(name: str, shape: Sequence[int | str | None]) -> None:
    """Raise ValueError for an input whose known sides would take gigabytes of memory."""
    size = math.prod(side for side in shape if isinstance(side, int))
    if size > _MAX_INPUT_VALUES:
        raise ValueError(
            f"{name}: expected inputs of at most {_MAX_INPUT_VALUES} values, got {list(shape)}"
        )


def _open(
    path: Path, name: str, threads: int | None, requested: Sequence[tuple[str, Mapping[str, str]]]
) -> Any:
    """An onnxruntime.InferenceSession that uses the first of the requested providers."""
    import onnxruntime  # takes 0.1 s to load; not every user of a detector needs it

    names = [provider for provider, _ in requested]
    check_available(names, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    # Fatal errors only: exported models cause warnings without a remedy, and our own message
    # reports errors.
    options.log_severity_level = 4
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    # Otherwise its threads keep cores busy for a while after each run, while the caller runs the
    # next network.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    is_cpu = names[0] == CPU_PROVIDER
    if {"CUDAExecutionProvider", "TensorrtExecutionProvider"} & set(names):
        # Loads the libraries that pip installs. It prints what it does not find.
        with contextlib.redirect_stdout(io.StringIO()):
            getattr(onnxruntime, "preload_dlls", lambda: None)()
    try:
        with contextlib.nullcontext() if is_cpu else _silence():
            session = onnxruntime.InferenceSession(
                # Not its content: large weights may be in a second file beside it.
                str(path),
                options,
                providers=[(provider, dict(values)) for provider, values in requested],
                enable_fallback=0,
            )
    except Exception as error:  # the errors of onnxruntime have no other common base class
        problem = (
            "expected an ONNX model, got a file that onnxruntime cannot load"
            if is_cpu
            else f"onnxruntime cannot load it with {', '.join(names)}"
        )
        raise ValueError(f"{name}: {problem} ({_first_line(error)})") from error
    # It would go on with other providers after a failure, and print a banner.
    session.disable_fallback()
    if names[0] not in session.get_providers():
        raise ValueError(
            f"{name}: onnxruntime could not start {names[0]}: a driver or library that it needs is "
            f"missing or of another version; it can use {', '.join(session.get_providers())}"
        )
    return session


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discard warnings and prints of execution providers: our own message says it in one line."""
    with suppress_native_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _describe(values: Sequence[Any]) -> str:
    return ", ".join(f"{value.name} {value.shape} {value.type}" for value in values)


def _reject_checkpoint(path: Path, name: str) -> None:
    """Raise ValueError, with the remedy, for a PyTorch checkpoint or a folder of checkpoints."""
    is_run_folder = any((path / file).is_file() for file in ("best.pt", "last.pt"))
    if is_run_folder or (path.is_file() and path.suffix.lower() in (".pt", ".pth")):
        what = "a run folder" if is_run_folder else "a checkpoint"
        raise ValueError(
            f"{name}: expected an ONNX file, got {what}; "
            f"export it first: deepsort-reid export {name} --crops DATA --out FILE.onnx"
        )
