"""Devices: their execution providers, and the messages for those that are not available."""

import re

import pytest

from deepsort_reid.vision.devices import check_available, select_providers

CPU = ("CPUExecutionProvider", {})


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", [CPU]),
        ("cuda", [("CUDAExecutionProvider", {}), CPU]),
        ("cuda:1", [("CUDAExecutionProvider", {"device_id": "1"}), CPU]),
        ("tensorrt", [("TensorrtExecutionProvider", {}), ("CUDAExecutionProvider", {}), CPU]),
        ("openvino", [("OpenVINOExecutionProvider", {}), CPU]),
        ("directml", [("DmlExecutionProvider", {}), CPU]),
        ("coreml", [("CoreMLExecutionProvider", {}), CPU]),
    ],
)
def test_device_selects_its_providers_before_the_cpu(device, expected):
    assert select_providers(device, None) == expected


@pytest.mark.parametrize("device", ["gpu", "", "cuda:", "cuda:one", "cpu:0", "CUDA", "openvino:1"])
def test_unknown_device_is_rejected_with_the_known_ones(device):
    expected = f"device: expected one of cpu, cuda, tensorrt, .*, got {device!r}"
    with pytest.raises(ValueError, match=expected):
        select_providers(device, None)


def test_given_providers_keep_their_order_and_options():
    given = [("OpenVINOExecutionProvider", {"device_type": "GPU"}), "CPUExecutionProvider"]
    assert select_providers("cpu", given) == [given[0], CPU]


def test_device_and_providers_together_are_rejected():
    with pytest.raises(ValueError, match="device and providers: expected one of them"):
        select_providers("cuda", ["CPUExecutionProvider"])


@pytest.mark.parametrize("providers", [[], "CPUExecutionProvider"])
def test_providers_that_are_no_list_or_empty_are_rejected(providers):
    with pytest.raises(ValueError, match="providers: expected a list of names"):
        select_providers("cpu", providers)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("CUDAExecutionProvider", "then pip install 'onnxruntime-gpu[cuda,cudnn]'"),
        ("TensorrtExecutionProvider", "then pip install 'onnxruntime-gpu[cuda,cudnn]'"),
        ("OpenVINOExecutionProvider", "then pip install 'onnxruntime-openvino'"),
        ("DmlExecutionProvider", "then pip install 'onnxruntime-directml'"),
        ("CoreMLExecutionProvider", "onnxruntime for macOS has it"),
        ("UnknownExecutionProvider", "it has AzureExecutionProvider, CPUExecutionProvider"),
    ],
)
def test_unavailable_provider_is_rejected_with_those_available_and_what_to_install(name, remedy):
    available = ["AzureExecutionProvider", "CPUExecutionProvider"]
    with pytest.raises(ValueError, match=re.escape(remedy)) as error:
        check_available([name, "CPUExecutionProvider"], available)
    assert f"has no {name}, it has {', '.join(available)}" in str(error.value)


def test_available_providers_are_accepted():
    check_available(["CPUExecutionProvider"], ["AzureExecutionProvider", "CPUExecutionProvider"])
