"""benchmarks/detector_accuracy.py: the average precision counted by hand, and a short run."""

import numpy as np
import pytest

from benchmarks import detector_accuracy
from benchmarks.detector_accuracy import average_precision
from deepsort_reid import Detections

LEFT, RIGHT = [0.0, 0, 10, 20], [50.0, 0, 60, 20]


def test_average_precision_is_one_when_every_box_is_found_before_false_ones():
    found = [Detections([LEFT, RIGHT, [90.0, 0, 99, 9]], score=[0.9, 0.8, 0.1])]
    assert average_precision(found, [np.array([LEFT, RIGHT])]) == 1


def test_average_precision_counted_by_hand():
    # By score: true, false, true. Precision 1, 1/2, 2/3; each true one adds half of the recall.
    found = [Detections([LEFT, [90.0, 0, 99, 9], RIGHT], score=[0.9, 0.8, 0.7])]
    expected = [np.array([LEFT, RIGHT])]
    assert average_precision(found, expected) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_second_detection_of_one_box_is_false():
    found = [Detections([LEFT, LEFT], score=[0.9, 0.8]), Detections([RIGHT], score=[0.5])]
    expected = [np.array([LEFT]), np.array([RIGHT])]
    assert average_precision(found, expected) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_frame_without_ground_truth_makes_its_detections_false():
    found = [Detections([LEFT], score=[0.9]), Detections([LEFT], score=[0.5])]
    expected = [np.empty((0, 4)), np.array([LEFT])]
    assert average_precision(found, expected) == 0.5
    assert np.isnan(average_precision(found[:1], expected[:1]))


@pytest.mark.data
def test_report_has_a_row_for_each_sequence(data_root, capsys):
    model = data_root / "models" / "yolox_nano_416.onnx"
    options = ["--sequence", "TUD-Campus", "--frames", "2", "--data", str(data_root)]
    detector_accuracy.main([str(model), *options])
    name, sequence, precision, milliseconds = capsys.readouterr().out.splitlines()[-1].split()
    assert (name, sequence) == ("yolox_nano_416.onnx", "TUD-Campus")
    assert 0.5 < float(precision) <= 1
    assert float(milliseconds) > 0
