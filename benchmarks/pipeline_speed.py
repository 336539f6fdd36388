"""Measure frames per second from video to annotated video, by stage.

    python -m benchmarks.pipeline_speed
    python -m benchmarks.pipeline_speed --sequence MOT16-09 --frames 200

Read, detect (YOLOX-nano), embed, track, draw and write a sequence of the data folder, like
`deepsort-reid track`, and score the result.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib import cli_options, inputs, provenance
from benchmarks.lib.scoring import HEADER, ScoreRow
from deepsort_reid.cli.output_folder import OutputFolder
from deepsort_reid.io import mot
from deepsort_reid.io.mot_sequences import MotSequence, read_sequence
from deepsort_reid.metrics import evaluate
from deepsort_reid.pipeline import StageTimer, track_frames
from deepsort_reid.tracking import DeepSort
from deepsort_reid.vision.detectors import OnnxDetector
from deepsort_reid.vision.embedder import Embedder

SEQUENCE = "PETS09-S2L1"
STAGES = ("read", "detect", "embed", "track", "draw", "write")


def run(
    sequence: MotSequence,
    detector: OnnxDetector,
    embedder: Embedder,
    out: Path,
    last: int | None = None,
) -> tuple[StageTimer, int]:
    """Track frames 1 to `last` into the folder `out`; return times and number of frames."""
    timer = StageTimer()
    tracker = DeepSort(embedder=timer.timed("embed", embedder))
    found = track_frames(sequence.folder, detector, tracker, stop=last, timer=timer)
    with OutputFolder(out, frame_rate=sequence.frame_rate) as folder:
        for step in found:
            folder.add(step, timer)
    return timer, folder.frames


def report(timer: StageTimer, frames: int) -> list[str]:
    """Return a line for each stage and one for the total."""
    total = sum(timer.seconds.values())
    lines = ["stage    ms per frame   share"]
    for stage in STAGES:
        seconds = timer.seconds.get(stage, 0.0)
        lines.append(f"{stage:8} {1000 * seconds / frames:12.2f} {100 * seconds / total:5.0f} %")
    lines.append(
        f"{'all':8} {1000 * total / frames:12.2f}   {frames / total:.1f} frames per second"
    )
    return lines


def score_tracks(sequence: MotSequence, tracks: Path, frames: int) -> ScoreRow:
    """Score a result file over the first `frames` frames by the protocol of the sequence."""
    assert sequence.ground_truth is not None
    truth = mot.read_ground_truth(sequence.ground_truth)
    truth = truth[truth.frame <= frames]
    return ScoreRow.of(evaluate(truth, mot.read_results(tracks), frames=frames))


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("pipeline_speed", __doc__)
    parser.add_argument(
        "--sequence",
        default=SEQUENCE,
        help="folder in mot/ of the data folder (default: %(default)s)",
    )
    parser.add_argument(
        "--frames", type=int, help="number of frames from the first one (default: all)"
    )
    cli_options.add_embedder(parser)
    parser.add_argument(
        "--threads", type=int, help="CPU threads of detector and embedder (default: all cores)"
    )
    cli_options.add_data(parser)
    args = parser.parse_args(argv)
    try:
        data = inputs.data_root(args.data)
        sequence = read_sequence(data / "mot" / args.sequence)
        detector = OnnxDetector(data / "models" / "yolox_nano_416.onnx", threads=args.threads)
        embedder = Embedder(args.embedder, threads=args.threads)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.environment_line("numpy", "opencv-python", "onnxruntime"))
    with tempfile.TemporaryDirectory() as out:
        timer, frames = run(sequence, detector, embedder, Path(out), args.frames)
        scores = score_tracks(sequence, Path(out) / "tracks.txt", frames)
    size = f"{sequence.width}x{sequence.height}"
    print(f"{sequence.name}, {size}, YOLOX-nano, embedder {embedder.name}")
    print("\n".join(report(timer, frames)))
    print(f"{HEADER}\n{scores}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
