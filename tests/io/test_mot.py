"""MOTChallenge files: accepted variations, rejected lines, and written rows read back."""

import re
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid.io import mot
from deepsort_reid.structures.mot_rows import MotRows
from tests.structures.rows import rows_of


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def write(text: str | bytes, name: str = "file.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def assert_equal_rows(a: MotRows, b: MotRows) -> None:
    np.testing.assert_array_equal(a.frame, b.frame)
    np.testing.assert_array_equal(a.id, b.id)
    np.testing.assert_allclose(a.xyxy, b.xyxy, rtol=0, atol=1e-6)
    np.testing.assert_allclose(a.score, b.score, rtol=1e-9)
    np.testing.assert_array_equal(a.class_id, b.class_id)
    np.testing.assert_allclose(a.visibility, b.visibility, rtol=1e-9)


def test_mot16_ground_truth_has_class_and_visibility(write):
    rows = mot.read_ground_truth(write("1,3,10,20,30,60,1,1,0.75\n2,3,11,20,30,60,0,7,-1\n"))
    assert rows.frame.tolist() == [1, 2]
    assert rows.id.tolist() == [3, 3]
    assert rows.xyxy.tolist() == [[10, 20, 40, 80], [11, 20, 41, 80]]
    assert rows.score.tolist() == [1, 0]
    assert rows.class_id.tolist() == [1, 7]
    np.testing.assert_array_equal(rows.visibility, [0.75, np.nan])


def test_world_coordinates_of_mot15_ground_truth_are_not_a_class(write):
    rows = mot.read_ground_truth(write("1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0\n"))
    assert rows.class_id.tolist() == [-1]
    assert np.isnan(rows.visibility).all()
    np.testing.assert_allclose(rows.xyxy, [[499, 158, 530.03, 233.17]])


def test_detections_have_no_id_and_keep_raw_scores(write):
    rows = mot.read_detections(write("1,-1,1,2,3,4,-0.5,-1,-1,-1\n1,-1,1,2,3,4,93.6,-1,-1,-1\n"))
    assert rows.id.tolist() == [-1, -1]
    assert rows.score.tolist() == [-0.5, 93.6]


def test_detections_of_seven_columns_are_read(write):
    assert mot.read_detections(write("1,-1,1,2,3,4,0.5\n")).score.tolist() == [0.5]


def test_score_is_1_with_six_columns(write):
    assert mot.read_results(write("1,1,1,2,3,4\n")).score.tolist() == [1.0]


@pytest.mark.parametrize(
    "text",
    [
        "1, 1, 10, 20, 30, 60, 0.5, -1, -1, -1\n2, 1, 10, 20, 30, 60, 0.5, -1, -1, -1\n",
        "1,1,10,20,30,60,0.5,-1,-1,-1\r\n2,1,10,20,30,60,0.5,-1,-1,-1\r\n",
        "\n1,1,10,20,30,60,0.5,-1,-1,-1\n\n   \n2,1,10,20,30,60,0.5,-1,-1,-1\n\n",
        "# by hand\n1,1,10,20,30,60,0.5,-1,-1,-1  # first\n2,1,10,20,30,60,0.5,-1,-1,-1",
        "frame,id,x,y,w,h,score,a,b,c\n1,1,10,20,30,60,0.5,-1,-1,-1\n2,1,10,20,30,60,0.5,-1,-1,-1",
        "# c\n\nframe id x y w h\n1 1 10 20 30 60 0.5 -1 -1 -1\n2 1 10 20 30 60 0.5 -1 -1 -1\n",
        "1\t1\t10\t20\t30\t60\t0.5\n2\t1\t10\t20\t30\t60\t0.5\n",
        "1.0,1.00,1e1,20.,30,60,.5,-1,-1,-1\n2.0,1,10,20,30,60,5e-1,-1,-1,-1\n",
        "2,1,10,20,30,60,0.5,-1,-1,-1\n1,1,10,20,30,60,0.5,-1,-1,-1\n",
        "1,1,10,20,30,60,0.5,-1,-1,-1,\n2,1,10,20,30,60,0.5,-1,-1,-1,\n",
        "\ufeff1,1,10,20,30,60,0.5\n2,1,10,20,30,60,0.5\n",
        "\ufeffframe,id,x,y,w,h,score\n1,1,10,20,30,60,0.5\n2,1,10,20,30,60,0.5\n",
    ],
    ids=[
        "spaces", "windows", "blank lines", "comments", "header", "blanks and header", "tabs",
        "floats", "out of order", "comma at the end", "byte order mark", "mark and header",
    ],
)  # fmt: skip
def test_unambiguous_variation_of_the_format_is_read(text, write):
    assert_equal_rows(mot.read_results(write(text)), rows_of([1, 2], [1, 1], score=[0.5, 0.5]))


@pytest.mark.parametrize(
    "header",
    [
        "frame,id,left,top,right,bottom,score,class_id",
        "frame id x1 y1 x2 y2 score",
        'Frame,"Id","Left","Top","Right","Bottom"',
        "frame,id,bbox_xmin,bbox_ymin,bbox_xmax,bbox_ymax",
    ],
)
@pytest.mark.parametrize("rows", ["", "1,1,10,20,40,80\n"])
def test_header_that_names_corners_is_rejected(header, rows, write):
    path = write(f"# by hand\n{header}\n{rows}")
    for read in (mot.read_results, mot.read_detections, mot.read_ground_truth):
        with pytest.raises(ValueError, match="expected left, top, width, height") as error:
            read(path)
        message = str(error.value)
        assert message.startswith(f"{path}:2: ")
        assert repr(header) in message
        assert "--format mot" in message


@pytest.mark.parametrize(
    "header",
    [
        "frame,id,bb_left,bb_top,bb_width,bb_height",
        "frame,id,x1,y1,w,h",
        'Frame, "Track ID", bbox_left, bbox_top, bbox_width, bbox_height',
    ],
)
def test_header_that_names_the_columns_is_skipped(header, write):
    assert_equal_rows(mot.read_results(write(f"{header}\n1,1,10,20,30,60\n")), rows_of([1], [1]))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,frame,left,top,width,height", "column 1 is 'id'"),
        ("frame,id,left,left,width,height", "column 4 is 'left'"),
        ("a,b,c,d,e,f", "column 1 is 'a'"),
        ("frame,id,cx,cy,w,h", "column 3 is 'cx'"),
        ('frame,id,"Top","Left",w,h', "column 3 is 'top'"),
        ("frame,time,id,left,top,width,height", "column 2 is 'time'"),
        ("frame,id,left,top,height,width", "column 5 is 'height'"),
        ("frame,id,left,top,width,height,id", "column 7 is 'id'"),
        ("frame,id,left,top,width,height,score,class,colour", "column 9 is 'colour'"),
        ("frame,id,left,top", "expected 6 to 10 columns, got 4"),
        ("people of Tuesday", "column 1 is 'people'"),
    ],
)
def test_header_with_repeated_or_other_columns_is_rejected(header, message, write):
    for rows in ("", "1,1,10,20,30,60\n"):
        path = write(f"{header}\n{rows}")
        expected = rf"file\.txt:1: {message}.*expected columns: frame, id"
        with pytest.raises(ValueError, match=expected):
            mot.read_results(path)


def test_header_with_world_coordinates_is_skipped(write):
    header = "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z"
    path = write(f"{header}\n1,1,10,20,30,60,1,-1,-1,-1\n")
    assert_equal_rows(mot.read_results(path), rows_of([1], [1]))


@pytest.mark.parametrize("line", ["1;1;10;20;30;60;1", "1|1|10|20|30|60", "'1';1;10;20;30;60;1"])
def test_line_with_other_separators_is_no_header(line, write):
    for text in (line, f"{line}\n{line}\n"):
        with pytest.raises(ValueError, match=r"file\.txt:1: .*expected columns"):
            mot.read_results(write(text))


def test_sorting_by_frame_is_stable(write):
    text = "2,5,1,1,9,9,1\n1,4,1,1,9,9,1\n2,3,1,1,9,9,1\n1,2,1,1,9,9,1\n"
    rows = mot.read_results(write(text))
    assert rows.frame.tolist() == [1, 1, 2, 2]
    assert rows.id.tolist() == [4, 2, 5, 3]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "frame,id,x,y,w,h\n"])
def test_file_without_rows_gives_no_rows(text, write):
    rows = mot.read_results(write(text))
    assert len(rows) == 0
    assert rows.xyxy.shape == (0, 4)


GOOD = "1,1,10,20,30,60,1,1,1\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,1.5,10,20,30,60,1,1,1", "id must be a whole number"),
        ("2,-1,10,20,30,60,1,1,1", "id must be a whole number, not negative"),
        ("2,1e300,10,20,30,60,1,1,1", "id must be a whole number"),
        ("0,1,10,20,30,60,1,1,1", "frame must be a whole number from 1"),
        ("-3,1,10,20,30,60,1,1,1", "frame must be a whole number from 1"),
        ("2.5,1,10,20,30,60,1,1,1", "frame must be a whole number from 1"),
        ("2,1,10,20,0,60,1,1,1", "width and height must be positive"),
        ("2,1,10,20,30,-60,1,1,1", "width and height must be positive"),
        ("2,1,nan,20,30,60,1,1,1", "NaN or infinity"),
        ("2,1,10,20,inf,60,1,1,1", "NaN or infinity"),
        ("2,1,10,20,1e308,60,1,1,1", "must be up to 1e+12 pixels"),
        ("2,1,-1e308,20,30,60,1,1,1", "must be up to 1e+12 pixels"),
        ("2,1,10,20,30,60,nan,1,1", "NaN or infinity"),
        ("2,1,10,20,30,60,1,1.5,1", "class must be a whole number"),
        ("2,1,10,20,30,60,0.9,1,1", "consider must be a whole number"),
        ("1,1,50,20,30,60,1,1,1", "id 1 is used twice in frame 1"),
        ("2,1,10,20,30", "5 columns, where the first row has 9"),
        ("2,1,10,20,30,60,1,1,1,1", "10 columns, where the first row has 9"),
        ("2,one,10,20,30,60,1,1,1", "'one' is not a number"),
        ("2,1,,20,30,60,1,1,1", "'' is not a number"),
        ("frame,id,x,y,w,h,c,k,v", "'frame' is not a number"),
    ],
)
def test_invalid_row_is_rejected_with_file_line_content_and_columns(line, reason, write):
    path = write(f"# header\n\n{GOOD}{line}\n3,1,10,20,30,60,1,1,1\n")
    with pytest.raises(ValueError, match="expected columns: frame, id, left") as error:
        mot.read_ground_truth(path)
    message = str(error.value)
    assert message.startswith(f"{path}:4: ")
    assert reason in message
    assert repr(line) in message


def test_first_of_several_invalid_rows_is_named(write):
    path = write("1,1,10,20,30,60,1\n2,1,10,20,0,60,1\n0,1,10,20,30,60,1\n1,1,1,1,1,1,1\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}:2: ")):
        mot.read_results(path)


def test_duplicate_id_is_named_at_its_second_line_in_any_order_of_frames(write):
    path = write("3,7,1,1,9,9,1\n1,7,1,1,9,9,1\n3,8,1,1,9,9,1\n3,7,5,5,9,9,1\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}:4: id 7 is used twice in frame 3")):
        mot.read_results(path)


def test_fractional_consider_flag_of_mot15_is_rejected_and_whole_one_is_kept(write):
    whole = write("1,1,10,20,30,60,1.0,-1,-1,-1\n2,1,10,20,30,60,-1,-1,-1,-1\n")
    assert mot.read_ground_truth(whole).score.tolist() == [1, -1]
    path = write("1,1,10,20,30,60,1,-1,-1,-1\n2,1,10,20,30,60,0.9,-1,-1,-1\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}:2: consider must be a whole number")):
        mot.read_ground_truth(path)
    assert mot.read_results(path).score.tolist() == [1, 0.9]


@pytest.mark.parametrize("id", [0, 7, 2**40, 2**53 - 1])
def test_duplicate_id_is_found_for_ids_of_any_size(id, write):
    line = "{},{},10,20,30,60,1\n"
    once = [(2**20, id), (1, id), (1, 1), (2, 1)]
    path = write("".join(line.format(*each) for each in once))
    assert sorted(mot.read_results(path).id.tolist()) == sorted([id, id, 1, 1])
    path = write("".join(line.format(*each) for each in [*once, (1, id)]))
    with pytest.raises(ValueError, match=re.escape(f"{path}:5: id {id} is used twice in frame 1")):
        mot.read_results(path)


@pytest.mark.parametrize("columns", [1, 5, 11])
def test_too_few_and_too_many_columns_are_rejected(columns, write):
    path = write(",".join(["1"] * columns) + "\n")
    reason = f"expected 6 to 10 columns, got {columns}"
    with pytest.raises(ValueError, match=re.escape(f"{path}:1: {reason}")):
        mot.read_results(path)


def test_binary_file_is_rejected(write):
    path = write(b"\x00\x01RIFF\xff\xfe\x80" * 10)
    with pytest.raises(ValueError, match="not a text file"):
        mot.read_detections(path)


def test_missing_file_is_an_os_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.txt"):
        mot.read_results(tmp_path / "absent.txt")


@pytest.mark.parametrize("kind", ["gt", "det", "result"])
def test_written_rows_are_read_back(kind, tmp_path):
    random = np.random.default_rng(3)
    n = 200
    corner = random.uniform(-50, 1000, (n, 2))
    truth = kind == "gt"
    rows = MotRows(
        np.repeat(np.arange(1, 21), 10),
        np.full(n, -1) if kind == "det" else np.tile(np.arange(10), 20),
        np.hstack([corner, corner + random.uniform(0.01, 400, (n, 2))]),
        random.integers(0, 2, n).astype(float) if truth else random.uniform(-2, 2, n),
        random.integers(1, 13, n) if truth else None,
        np.where(random.random(n) < 0.2, np.nan, random.random(n)) if truth else None,
    )
    path = tmp_path / "rows.txt"
    mot.write_rows(path, rows, kind)
    read = {"gt": mot.read_ground_truth, "det": mot.read_detections, "result": mot.read_results}
    assert_equal_rows(read[kind](path), rows)
    assert [at.name for at in tmp_path.iterdir()] == ["rows.txt"]


def test_empty_rows_are_written_and_read(tmp_path):
    mot.write_rows(tmp_path / "none.txt", MotRows.empty(), "gt")
    assert len(mot.read_ground_truth(tmp_path / "none.txt")) == 0


def test_whole_numbers_are_written_without_decimal_point(tmp_path):
    mot.write_rows(tmp_path / "gt.txt", rows_of([1], [3], class_id=[1], visibility=[0.5]), "gt")
    assert (tmp_path / "gt.txt").read_text() == "1,3,10,20,30,60,1,1,0.5\n"


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text(GOOD)
    broken = rows_of([1])
    object.__setattr__(broken, "score", np.array(["high"]))
    with pytest.raises((TypeError, ValueError)):
        mot.write_rows(path, broken, "gt")
    assert path.read_text() == GOOD
    assert [at.name for at in tmp_path.iterdir()] == ["gt.txt"]


def test_detections_of_a_frame_are_in_the_order_of_the_rows():
    rows = rows_of([1, 2, 1], score=[0.1, 0.2, 0.3], class_id=[-1, 3, 4])
    found = mot.frame_detections(rows, 1)
    assert found.score.tolist() == [0.1, 0.3]
    assert found.class_id.tolist() == [0, 4]
    assert len(mot.frame_detections(rows, 9)) == 0


@pytest.mark.data
def test_real_files_are_read_row_by_row(data_root):
    truths = sorted(data_root.glob("mot*/**/gt.txt"))
    results = sorted(data_root.glob("mot15-scored/results/*.txt"))
    detections = sorted(data_root.glob("mot*/**/det*.txt"))
    assert truths
    assert results
    assert detections
    readers = (mot.read_ground_truth, truths), (mot.read_results, results)
    for read, paths in (*readers, (mot.read_detections, detections)):
        for path in paths:
            rows = read(path)
            lines = [line.split(",") for line in path.read_text().splitlines() if line]
            lines.sort(key=lambda fields: int(fields[0]))
            assert rows.frame.tolist() == [int(fields[0]) for fields in lines]
            assert rows.score.tolist() == [float(fields[6]) for fields in lines]
            left_and_height = [(float(fields[2]), float(fields[5])) for fields in lines]
            tlwh = np.column_stack([rows.xyxy[:, 0], rows.xyxy[:, 3] - rows.xyxy[:, 1]])
            np.testing.assert_allclose(tlwh, left_and_height, atol=1e-9)
