"""JSON objects, and files that are not."""

import pytest

from deepsort_reid.io.json_file import read_json_object


def test_object_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, {"b": null}], "c": "ä"}', encoding="utf-8")
    assert read_json_object(path) == {"a": [1, {"b": None}], "c": "ä"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected JSON"),
        (b"[1]", "expected a JSON object, got list"),
        (b"{", ":1: expected JSON"),
        (b"\xff", "expected JSON in UTF-8"),
    ],
)
def test_other_content_is_refused_with_the_name_of_the_file(content, message, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_json_object(path)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value)) < 1000
