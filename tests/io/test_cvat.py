import tracemalloc
import zipfile

import numpy as np
import pytest

from deepsort_reid import MotRows
from deepsort_reid.io.cvat import read_cvat, write_cvat_mot
from deepsort_reid.io.cvat_xml import write_cvat_xml

# Identity 7 leaves after frame 2 and is back in frame 5; identity 3 is there once.
FRAME = np.array([1, 2, 2, 5, 6])
IDENTITY = np.array([7, 7, 3, 7, 7])
XYXY = np.array(
    [
        [10.25, 20, 30, 80],
        [11, 20.5, 31, 80],
        [100, 5, 140, 90.125],
        [50, 20, 70, 80],
        [51, 20, 71, 80],
    ]
)


@pytest.fixture
def rows():
    return MotRows(FRAME, IDENTITY, XYXY)


def sorted_rows(rows):
    order = np.lexsort((rows.id, rows.frame))
    return rows.frame[order], rows.id[order], rows.xyxy[order]


def assert_same(found, rows):
    assert set(found.class_id.tolist()) == {1}
    assert (found.score == 1).all()
    for column, expected in zip(sorted_rows(found), sorted_rows(rows), strict=True):
        np.testing.assert_allclose(column, expected, atol=1e-6)


def write_xml(path, rows, **options):
    write_cvat_xml(path, rows, name="street", frames=6, size=(200, 100), **options)
    return path


def test_xml_is_read_as_it_was_written(rows, tmp_path):
    assert_same(read_cvat(write_xml(tmp_path / "a.xml", rows)), rows)


def test_zip_with_xml_is_read(rows, tmp_path):
    write_xml(tmp_path / "a.xml", rows)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.xml", "annotations.xml")
    assert_same(read_cvat(tmp_path / "a.zip"), rows)


def test_mot_zip_is_read_as_it_was_written(rows, tmp_path):
    write_cvat_mot(tmp_path / "a.zip", rows)
    assert_same(read_cvat(tmp_path / "a.zip"), rows)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert sorted(archive.namelist()) == ["gt/gt.txt", "gt/labels.txt"]
        assert archive.read("gt/gt.txt").splitlines()[0] == b"1,7,10.25,20,19.75,60,1,1,1"
        assert archive.read("gt/labels.txt") == b"person\n"


def test_track_is_outside_after_each_part(rows, tmp_path):
    """As CVAT writes it: otherwise it would interpolate between the parts."""
    text = write_xml(tmp_path / "a.xml", rows).read_text()
    boxes = [line for line in text.splitlines() if line.startswith("<box")]
    found = [tuple(line.split('"')[1:4:2]) for line in boxes]
    # Identity 3, then identity 7, which is there at the end of the video.
    assert found == [
        ("1", "0"),
        ("2", "1"),
        ("0", "0"),
        ("1", "0"),
        ("2", "1"),
        ("4", "0"),
        ("5", "0"),
    ]


def test_hostile_names_stay_text(rows, tmp_path):
    name = '</attribute><script>"&\x00\ufffe'
    path = tmp_path / "a.xml"
    write_cvat_xml(path, rows, name=name, frames=6, size=(200, 100), names={7: name})
    assert_same(read_cvat(path), rows)
    assert "<script>" not in path.read_text()


def xml(tracks, before=""):
    return f"{before}<annotations><version>1.1</version>{tracks}</annotations>"


def box(frame, left, outside=0, inside=""):
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" xtl="{left}" ytl="0" '
        f'xbr="{left + 10}" ybr="20">{inside}</box>'
    )


def read_text(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    return read_cvat(path)


def test_boxes_between_keyframes_are_interpolated(tmp_path):
    track = f'<track id="4" label="person">{box(0, 0)}{box(4, 40)}{box(6, 90, 1)}</track>'
    found = read_text(tmp_path, xml(track))
    assert found.frame.tolist() == [1, 2, 3, 4, 5, 6]
    # The box of frame 5 stays where it was until it is outside.
    assert found.xyxy[:, 0].tolist() == [0, 10, 20, 30, 40, 40]


def test_track_that_was_split_in_cvat_is_two_identities(tmp_path):
    """Both parts keep the attribute."""
    seven = '<attribute name="identity">7</attribute>'
    tracks = "".join(
        f'<track id="{number}" label="person">{box(frame, 0, 0, attribute)}</track>'
        for number, (frame, attribute) in enumerate([(0, seven), (5, seven), (5, ""), (9, "x")])
    )
    assert read_text(tmp_path, xml(tracks)).id.tolist() == [7, 8, 8 + 1, 8 + 2]


def test_only_people_have_class_1(tmp_path):
    tracks = "".join(
        f'<track id="{number}" label="{label}">{box(number, 0)}</track>'
        for number, label in enumerate(["car", "Pedestrian", "dog", "car"])
    )
    assert read_text(tmp_path, xml(tracks)).class_id.tolist() == [2, 1, 3, 2]


BILLION_LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("head", [BILLION_LAUGHS, EXTERNAL, '<!DOCTYPE a SYSTEM "http://x/y">'])
def test_declared_entities_are_refused(tmp_path, head):
    inside = '<attribute name="identity">&a;</attribute>'
    track = f'<track id="0" label="person">{box(0, 0, 0, inside)}</track>'
    with pytest.raises(ValueError, match=r"a\.xml:1: a document type declaration is not allowed"):
        read_text(tmp_path, xml(track, head))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected XML of CVAT"),
        ("<a><b></a>", "expected XML of CVAT: mismatched tag"),
        ("<a></a>", "with annotations, got another file"),
        (xml(""), "expected tracks with boxes, found none"),
        (xml(f"<image>{box(0, 0)}</image>"), "expected tracks with boxes, found none"),
        (xml('<track><box frame="0"/></track>'), "a box has no 'xtl'"),
        (xml(f"<track>{box(-1, 0)}</track>"), "frame of a box must be from 0, got -1"),
        (xml(f"<track>{box('x', 0)}</track>"), "invalid literal"),
        (xml(f"<track>{box(0, 0)}{box(0, 1)}</track>"), "a track has two boxes in frame 0"),
        (xml(f"<track>{box(0, float('nan'))}</track>"), "must be finite"),
        (xml(f"<track>{box(0, 0)}</track>").replace('xbr="10"', 'xbr="0"'), "right > left"),
    ],
)
def test_other_xml_is_named_in_one_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_text(tmp_path, text)
    assert "a.xml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keyframes_far_apart_take_no_memory(tmp_path):
    track = f"<track>{box(0, 0)}{box(2**31 - 1, 1)}</track>"
    tracemalloc.start()
    with pytest.raises(ValueError, match="expected up to 20000000 frames of a track"):
        read_text(tmp_path, xml(track))
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_nothing_is_unpacked_to_the_disk(rows, tmp_path):
    """A member whose name leads out of the folder is only read."""
    write_cvat_mot(tmp_path / "good.zip", rows)
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    with (
        zipfile.ZipFile(tmp_path / "good.zip") as good,
        zipfile.ZipFile(folder / "a.zip", "w") as bad,
    ):
        bad.writestr("../../gt.txt", good.read("gt/gt.txt"))
        bad.writestr("/tmp/../../labels.txt", "person\n")
    before = sorted(tmp_path.rglob("*"))
    assert_same(read_cvat(folder / "a.zip"), rows)
    assert sorted(tmp_path.rglob("*")) == before


def test_zip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("deepsort_reid.io.cvat._MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt/gt.txt", b"1" * 100_000)
    with pytest.raises(ValueError, match=r"a\.zip: gt/gt.txt has more than 1000 bytes"):
        read_cvat(tmp_path / "a.zip")


def test_other_zip_is_named_in_one_line(rows, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"a\.zip: expected a zip file of CVAT, with annotations"):
        read_cvat(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("gt/gt.txt", "1,2,3\n")
    with pytest.raises(ValueError, match=r"a\.zip/gt/gt\.txt:1: expected 6 to 10 columns"):
        read_cvat(path)
    write_cvat_mot(path, rows)
    data = bytearray(path.read_bytes())
    data[40:60] = b"x" * 20
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.zip: "):
        read_cvat(path)


def test_labels_file_tells_who_is_a_person(rows, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("gt/gt.txt", "1,1,0,0,5,5,1,1,1\n2,1,0,0,5,5,1,2,1\n3,1,0,0,5,5,1,3,1\n")
        archive.writestr("gt/labels.txt", "car\nperson\n")
    assert read_cvat(path).class_id.tolist() == [2, 1, -1]
