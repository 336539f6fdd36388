"""A small run folder as `track` leaves it, with a video in which every person has a colour."""

import json

import numpy as np

from deepsort_reid import MotRows
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.people_file import TrackPerson, write_people
from deepsort_reid.io.video_writer import VideoWriter

WIDTH, HEIGHT, RATE, FRAMES = 160, 120, 10, 30
# Track -> first frame, last frame, left in the first frame, pixels per frame, top, BGR colour.
# Tracks 1 and 3 are one person, who is away in frames 11 to 19; tracks 1 and 2 are near each other
# in frame 8, and track 4 is a false one.
TRACKS = {
    1: (1, 10, 20, 5, 20, (0, 0, 255)),
    2: (1, 30, 90, -5, 30, (255, 0, 0)),
    3: (20, 30, 20, 5, 20, (0, 0, 255)),
    4: (15, 16, 120, 0, 60, (0, 255, 0)),
}
PEOPLE = {1: (1, 1.0, None), 2: (2, 0.99, None), 3: (3, 0.4, 1), 4: (4, 0.9, None)}


def tracked_rows():
    frame, id, xyxy = [], [], []
    for track, (first, last, left, step, top, _) in TRACKS.items():
        for number in range(first, last + 1):
            x = max(left + step * (number - first), -10)
            frame.append(number)
            id.append(track)
            xyxy.append([x, top, x + 20, top + 50])
    order = np.lexsort((id, frame))
    score = np.full(len(frame), 0.9)
    return MotRows(np.array(frame)[order], np.array(id)[order], np.array(xyxy)[order], score)


def write_video(path):
    rows = tracked_rows()
    with VideoWriter(path, RATE, (WIDTH, HEIGHT)) as video:
        for number in range(1, FRAMES + 1):
            image = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
            here = rows[rows.frame == number]
            for track, box in zip(here.id.tolist(), here.xyxy.astype(int).tolist(), strict=True):
                left, top, right, bottom = np.maximum(box, 0).tolist()
                image[top:bottom, left:right] = TRACKS[track][5]
            video.write(image)
    return path


def write_run(folder, source=None, **summary):
    """Write a run folder; `summary` replaces entries of its summary, None removes them."""
    folder.mkdir(parents=True)
    rows = tracked_rows()
    write_rows(folder / "tracks.txt", rows, "result")
    people = []
    for track, (person, probability, runner_up) in PEOPLE.items():
        first, last = TRACKS[track][:2]
        times = (first - 1) / RATE, (last - 1) / RATE
        number = last - first + 1
        people.append(TrackPerson(track, person, "door", *times, number, probability, runner_up))
    write_people(folder / "people.csv", people)
    described = {
        "status": "complete",
        "source": str(source),
        "files": ["people.csv", "tracks.txt"],
    }
    if source is not None:
        size = {"width": WIDTH, "height": HEIGHT, "frame_rate": RATE}
        described["input"] = {"path": str(source), **size}
    values = {name: value for name, value in (described | summary).items() if value is not None}
    (folder / "summary.json").write_text(json.dumps(values))
    return folder
