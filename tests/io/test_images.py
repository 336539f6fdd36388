"""Reading of images and listing of image files."""

import cv2
import numpy as np
import pytest

from deepsort_reid.io.file_types import has_image_file, list_image_files, list_video_files
from deepsort_reid.io.images import UndecodableImageError, read_image


def encoded(suffix, height=64, width=48):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def test_images_are_read_as_bgr_also_with_a_path_outside_ascii(tmp_path):
    path = tmp_path / "ä.png"
    path.write_bytes(cv2.imencode(".png", np.full((4, 5, 3), (10, 20, 30), np.uint8))[1].tobytes())
    image = read_image(path)
    assert (image.shape, image.dtype) == ((4, 5, 3), np.uint8)
    assert image[0, 0].tolist() == [10, 20, 30]


def test_grey_images_are_converted_to_bgr(tmp_path):
    path = tmp_path / "grey.png"
    path.write_bytes(cv2.imencode(".png", np.full((4, 5), 90, np.uint8))[1].tobytes())
    assert (read_image(path) == np.full((4, 5, 3), 90)).all()


@pytest.mark.parametrize(("content", "got"), [(b"", "an empty file"), (b"text", "cannot decode")])
def test_file_that_is_not_an_image_is_rejected_by_name(content, got, tmp_path):
    path = tmp_path / "file.png"
    path.write_bytes(content)
    with pytest.raises(UndecodableImageError, match=rf"file\.png: expected an image, got .*{got}"):
        read_image(path)


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_image_is_rejected_on_request(suffix, tmp_path):
    content = encoded(suffix)
    path = tmp_path / f"whole{suffix}"
    path.write_bytes(content)
    assert read_image(path, reject_truncated=True).shape == (64, 48, 3)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UndecodableImageError, match="got a truncated file"):
        read_image(path, reject_truncated=True)


def test_image_files_are_listed_in_natural_order_without_hidden_files_and_folders(tmp_path):
    names = ["img10.jpg", "img2.JPG", "img1.png", "._img1.png", "notes.txt", "a.pgm", "clip.mp4"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    found = [path.name for path in list_image_files(tmp_path)]
    assert found == ["a.pgm", "img1.png", "img2.JPG", "img10.jpg"]
    assert [path.name for path in list_video_files(tmp_path)] == ["clip.mp4"]


def test_folder_without_images_and_missing_folder_have_no_image_file(tmp_path):
    (tmp_path / "._1.jpg").touch()
    assert not has_image_file(tmp_path)
    assert not has_image_file(tmp_path / "absent")
    (tmp_path / "1.jpg").touch()
    assert has_image_file(tmp_path)
