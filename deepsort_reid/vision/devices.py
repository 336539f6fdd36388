"""Devices that ONNX models run on, as execution providers of ONNX Runtime."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Provider = str | tuple[str, Mapping[str, str]]

CPU_PROVIDER = "CPUExecutionProvider"


class _Device(NamedTuple):
    providers: tuple[str, ...]  # in order of preference, before the CPU
    package: str | None = None  # the build of onnxruntime that has the first; None: no such build
    has_number: bool = False  # several of one machine have numbers: "cuda:1"


DEVICES = {
    "cpu": _Device(()),
    "cuda": _Device(("CUDAExecutionProvider",), "onnxruntime-gpu[cuda,cudnn]", True),
    "tensorrt": _Device(
        ("TensorrtExecutionProvider", "CUDAExecutionProvider"), "onnxruntime-gpu[cuda,cudnn]", True
    ),
    "openvino": _Device(("OpenVINOExecutionProvider",), "onnxruntime-openvino"),
    "directml": _Device(("DmlExecutionProvider",), "onnxruntime-directml", True),
    "coreml": _Device(("CoreMLExecutionProvider",)),  # in onnxruntime for macOS
}


def select_providers(
    device: str, providers: Sequence[Provider] | None
) -> list[tuple[str, Mapping[str, str]]]:
    """Execution providers, with their options, of a device or as given.

    Raises ValueError for an unknown device, no providers, and both a device and providers.
    """
    if providers is not None:
        if device != "cpu":
            raise ValueError(f"device and providers: expected one of them, got {device!r} too")
        if isinstance(providers, str) or not providers:
            raise ValueError(
                "providers: expected a list of names of execution providers, such as "
                f"['CUDAExecutionProvider'], got {providers!r}"
            )
        return [(each, {}) if isinstance(each, str) else each for each in providers]
    kind, colon, number = device.partition(":")
    known = DEVICES.get(kind)
    if known is None or (colon and not (known.has_number and number.isdecimal())):
        raise ValueError(
            f"device: expected one of {', '.join(DEVICES)} (or one by number: cuda:1), "
            f"got {device!r}"
        )
    options = {"device_id": number} if colon else {}
    return [*((name, options) for name in known.providers), (CPU_PROVIDER, {})]


def check_available(names: Sequence[str], available: Sequence[str]) -> None:
    """Raise ValueError, with the package to install, for a provider that is not available."""
    for name in names:
        if name in available:
            continue
        packages = [
            each.package for each in DEVICES.values() if each.package and name in each.providers[:1]
        ]
        remedy = ""
        if packages:
            remedy = (
                "; another build has it, which replaces the present one: "
                f"pip uninstall onnxruntime, then pip install '{packages[0]}'"
            )
        elif name == "CoreMLExecutionProvider":
            remedy = "; onnxruntime for macOS has it"
        raise ValueError(
            f"the installed onnxruntime has no {name}, it has {', '.join(available)}{remedy}"
        )
