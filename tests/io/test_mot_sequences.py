"""MOT sequence folders: files found, properties inferred, and invalid folders rejected."""

import pytest

from deepsort_reid.io.mot_sequences import find_sequences, read_sequence

ROW = "1,1,10,20,30,60,1,-1,-1,-1\n"


@pytest.fixture
def make_files(tmp_path):
    """Write files, given by path and text, below one folder."""

    def make_files(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make_files


def test_seqinfo_entries_are_used(make_files):
    info = (
        "[Sequence]\nname=x\nimDir=frames\nframeRate=14\nseqLength=99\nimWidth=640\nimHeight=480\n"
    )
    folder = make_files(**{"S/seqinfo.ini": info, "S/frames/1.jpg": "", "S/gt/gt.txt": ROW}) / "S"
    sequence = read_sequence(folder)
    assert sequence.name == "S"
    assert sequence.frames == folder / "frames"
    assert (sequence.length, sequence.frame_rate) == (99, 14)
    assert (sequence.width, sequence.height) == (640, 480)
    assert sequence.ground_truth == folder / "gt" / "gt.txt"
    assert sequence.detections is None


def test_without_seqinfo_the_images_are_counted(make_files):
    folder = make_files(
        **{"S/img1/000001.jpg": "", "S/img1/000002.jpg": "", "S/img1/._000001.jpg": ""}
    )
    sequence = read_sequence(folder / "S")
    assert sequence.length == 2
    assert sequence.frame_rate is None
    assert sequence.width is None


def test_without_images_the_length_is_the_last_labelled_frame(make_files):
    later = ROW.replace("1,1,10", "12,1,10", 1)
    folder = make_files(**{"S/gt/gt.txt": later + ROW, "S/det/det.txt": ROW, "S/S.mp4": ""}) / "S"
    sequence = read_sequence(folder)
    assert sequence.length == 12
    assert sequence.frames == folder / "S.mp4"


def test_single_video_is_a_sequence_of_unknown_length(make_files):
    folder = make_files(**{"S/street.MP4": ""}) / "S"
    assert read_sequence(folder).frames == folder / "street.MP4"
    assert read_sequence(folder).length is None
    assert [sequence.name for sequence in find_sequences(folder)] == ["S"]


def test_images_are_preferred_to_videos(make_files):
    folder = make_files(**{"S/img1/1.jpg": "", "S/a.mp4": "", "S/b.mp4": ""}) / "S"
    assert read_sequence(folder).frames == folder / "img1"


def test_single_text_file_of_a_label_folder_is_used_with_any_name(make_files):
    folder = make_files(**{"S/det/yolo.txt": ROW}) / "S"
    assert read_sequence(folder).detections == folder / "det" / "yolo.txt"


def test_sequences_are_found_sorted_and_not_inside_each_other(make_files):
    folder = make_files(
        **{
            "train/B/gt/gt.txt": ROW,
            "train/A/img1/1.jpg": "",
            "train/A/gt/gt.txt": ROW,
            "test/C/det/det.txt": ROW,
            "test/.hidden/det/det.txt": ROW,
            "notes/readme.txt": "",
            "intro.mp4": "",
        }
    )
    found = find_sequences(folder)
    assert [sequence.folder.relative_to(folder).as_posix() for sequence in found] == [
        "test/C",
        "train/A",
        "train/B",
    ]
    assert [sequence.name for sequence in find_sequences(folder / "train" / "A")] == ["A"]


def test_folder_of_sequences_named_gt_is_not_a_sequence(make_files):
    folder = make_files(**{"scored/gt/A/gt/gt.txt": ROW, "scored/gt/B/gt/gt.txt": ROW}) / "scored"
    assert [sequence.name for sequence in find_sequences(folder)] == ["A", "B"]


def test_empty_folder_is_rejected_with_the_expected_files(tmp_path):
    with pytest.raises(ValueError, match="no sequence in it or below; expected folders with gt/gt"):
        find_sequences(tmp_path)
    with pytest.raises(ValueError, match=r"expected gt/gt\.txt, det/det\.txt, img1/"):
        read_sequence(tmp_path)


@pytest.mark.parametrize("read", [read_sequence, find_sequences])
def test_missing_folder_is_named(read, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        read(tmp_path / "absent")


def test_several_videos_are_rejected_by_name(make_files):
    folder = make_files(**{"S/gt/gt.txt": ROW, "S/a.mp4": "", "S/b.avi": ""}) / "S"
    with pytest.raises(ValueError, match=r"expected one video file, got 2: a\.mp4, b\.avi"):
        read_sequence(folder)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ("[Sequence]\nseqLength=many\n", "seqLength: expected a positive number, got 'many'"),
        ("[Sequence]\nframeRate=0\n", "frameRate: expected a positive number, got '0'"),
        ("[Other]\nframeRate=1\n", r"expected a \[Sequence\] section"),
        ("frameRate=1\n", r"expected a \[Sequence\] section"),
    ],
)
def test_invalid_seqinfo_is_rejected_with_its_path(info, message, make_files):
    folder = make_files(**{"S/seqinfo.ini": info, "S/gt/gt.txt": ROW}) / "S"
    with pytest.raises(ValueError, match=message) as error:
        read_sequence(folder)
    assert "seqinfo.ini" in str(error.value)


@pytest.mark.data
def test_real_sequences_are_found(data_root):
    found = {sequence.name: sequence for sequence in find_sequences(data_root / "mot")}
    assert sorted(found) == ["MOT16-09", "PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte"]
    pets = found["PETS09-S2L1"]
    assert pets.frames is not None
    assert pets.frames.name == "video.avi"
    assert (pets.length, pets.frame_rate, pets.width, pets.height) == (795, 7, 768, 576)
    assert len(find_sequences(data_root / "mot15-scored")) == 11
