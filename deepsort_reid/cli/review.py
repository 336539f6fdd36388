"""`deepsort-reid review`: look at the result of a run in a browser, correct it, export it."""

import argparse
import webbrowser
from pathlib import Path

DEFAULT_HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="output folder of `deepsort-reid track`")
    add(
        "--port",
        type=int,
        default=8765,
        metavar="N",
        help="port of the page; 0 takes a free one (default: %(default)s)",
    )
    add(
        "--host",
        default=DEFAULT_HOST,
        metavar="ADDRESS",
        help="address to listen at; another one than the default lets other machines reach the "
        "page, for everyone who has its address with the token (default: %(default)s)",
    )
    add(
        "--no-browser",
        action="store_true",
        help="open no browser, only print the address (default: open one)",
    )
    add(
        "--export",
        type=Path,
        metavar="DIR",
        help="write the corrected result in all formats to a folder, and show no page "
        "(default: show the page)",
    )
    add(
        "--import",
        dest="labels",
        type=Path,
        metavar="FILE",
        help="make a new run folder with the tracks of FILE, as corrected in another program: CVAT "
        "for video 1.1 (.xml, .zip), MOT 1.1 (.zip), COCO with track_id (.json) or MOT ground "
        "truth (.txt); show no page (default: show the page)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="new or empty folder for --import (default: RUN-imported)",
    )


def run(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C, export or import."""
    if not 0 <= args.port <= 65535:
        raise ValueError(f"--port: expected 0 to 65535, got {args.port}")
    from deepsort_reid.review import Review
    from deepsort_reid.review.exports import EXPORTS

    if args.labels is not None:
        folder = args.out or args.run.resolve().with_name(f"{args.run.resolve().name}-imported")
        with Review.open(args.run, read_only=True) as review:
            print(review.import_labels(args.labels, folder))
        return
    if args.export is not None:
        with Review.open(args.run, read_only=True) as review:
            for kind in EXPORTS:
                print(review.export(kind, args.export))
        return
    from deepsort_reid.review.web.server import LOOPBACK
    from deepsort_reid.review.web.serving import serve

    is_open = args.host not in LOOPBACK

    def ready(address: str) -> None:
        print(f"review of {args.run}: {address}", flush=True)
        if is_open:
            print("other machines can reach it, and the connection is not encrypted")
        print(f"every correction is saved in {args.run / 'edits.jsonl'}; Ctrl-C ends", flush=True)
        if not args.no_browser:
            webbrowser.open(address)

    review = Review.open(args.run)
    try:
        for warning in review.info.warnings:
            print(f"note: {warning}", flush=True)
        serve(review, args.host, args.port, any_host=is_open, ready=ready)
    finally:
        review.close()
        for note in review.registry_notes:
            print(f"note: {note}", flush=True)
