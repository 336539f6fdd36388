"""Files of saved states: what is written is read, bit by bit."""

import numpy as np
import pytest

from deepsort_reid.io.state_file import read_state, write_state

ARRAYS = [
    np.empty((0, 5, 4)),
    np.array(3.0),
    np.array([0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308]),
    np.array([2**63 - 1, -(2**63)]),
    np.array([2**64 - 1], dtype=np.uint64),
    np.array([True, False]),
    np.float32(np.pi) * np.arange(3, dtype=np.float32),
    np.arange(2 * 3 * 4, dtype=np.float64).reshape(2, 3, 4),
    np.asfortranarray(np.arange(60.0).reshape(6, 10)),
    np.random.default_rng(0).normal(size=(50, 7)),
    np.zeros((1000, 0), dtype=np.float32),
]


def test_values_and_arrays_are_read_as_they_were_written(tmp_path):
    state = {
        "arrays": ARRAYS,
        "numbers": [1, -1.5, float("inf"), 0.1 + 0.2, True, None, 2**60],
        "text": {"": "", "key/with/slashes": "Grüße\n", "empty": {}, "list": []},
    }
    write_state(tmp_path / "state.npz", "test", state)
    loaded = read_state(tmp_path / "state.npz", "test")
    assert {name: loaded[name] for name in ("numbers", "text")} == {
        name: state[name] for name in ("numbers", "text")
    }
    for array, expected in zip(loaded["arrays"], ARRAYS, strict=True):
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert array.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "value",
    [{1: 2}, {"array": 3}, object(), (1, 2), np.array(["text"]), np.array([None]), b"bytes"],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused_and_leave_no_file(value, tmp_path):
    with pytest.raises(ValueError, match="state/value: expected"):
        write_state(tmp_path / "state.npz", "test", {"value": value})
    assert not list(tmp_path.iterdir())
