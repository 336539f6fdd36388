import pytest

from deepsort_reid.io.track_readers import read_tracks
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter, MotWriter
from tests.io.test_track_writers import make_tracks

BOXES = [[10, 20, 40, 80], [0.5, 0, 10, 10]]


@pytest.mark.parametrize(
    ("writer", "name", "time"),
    [
        (MotWriter, "tracks.txt", None),
        (CsvWriter, "tracks.csv", [0.1, 0.1, 0.3]),
        (JsonLinesWriter, "tracks.jsonl", [0.1, 0.1, 0.3]),
    ],
)
def test_written_tracks_are_read(tmp_path, writer, name, time):
    with writer(tmp_path / name) as file:
        file.append(2, make_tracks([4, 7], BOXES), 0.1)
        file.append(3, make_tracks([], []), 0.2)
        file.append(4, make_tracks([7], BOXES[:1]), 0.3)
    found = read_tracks(tmp_path / name)
    assert found.rows.frame.tolist() == [2, 2, 4]
    assert found.rows.id.tolist() == [4, 7, 7]
    assert found.rows.xyxy.tolist() == [*BOXES, BOXES[0]]
    assert (None if found.time is None else found.time.tolist()) == time
    assert (found.person_id is None) == (time is None)


CSV = "frame,time,id,person_id,left,top,right,bottom,score,class_id\n"
JSON = (
    '{"frame": 1, "time": 0, "tracks": [{"id": 1, "person_id": 1, "xyxy": [0, 0, 5, 5], '
    '"score": 1, "class_id": 0}]}\n'
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tracks.csv", "frame,id\n1,2\n", r"tracks\.csv:1: expected the columns frame, time, id"),
        ("tracks.csv", f"{CSV}1,0,1,1,0,0,x,5,1,0\n", r"tracks\.csv:2: expected numbers"),
        ("tracks.csv", f"{CSV}1,0,1,1,0,0,5,5\n", r"tracks\.csv:2: expected 10 cells, got 8"),
        ("tracks.csv", f"{CSV}1,0,1,1,9,0,5,5,1,0\n", r"tracks\.csv: xyxy must have right > left"),
        ("tracks.csv", CSV + 2 * "1,0,1,1,0,0,5,5,1,0\n", r"tracks\.csv: an id is used twice"),
        ("tracks.csv", f"{CSV}0,0,1,1,0,0,5,5,1,0\n", r"tracks\.csv: frame must be 1 or more"),
        ("tracks.jsonl", f"{JSON}[]\n", r"tracks\.jsonl:2: expected an object with frame, time"),
        ("tracks.jsonl", JSON.replace("xyxy", "box"), r"tracks\.jsonl:1: expected an object"),
        ("tracks.jsonl", JSON[:50], r"tracks\.jsonl:1: expected an object"),
        ("tracks.jsonl", "[" * 100_000, r"tracks\.jsonl:1: expected an object"),
    ],
)
def test_invalid_file_is_named_in_one_line(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_tracks(path)
    assert "\n" not in str(caught.value)
