"""Files of a search: results.csv as the matches come; summary, montage and page at its end."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.find_page import FindPage
from deepsort_reid.cli.progress import print_note
from deepsort_reid.cli.stop_signals import interrupted_or_failed
from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.structures.frame import TimedFrame

if TYPE_CHECKING:
    from deepsort_reid.reid.person_search import SearchResult, SearchSummary
    from deepsort_reid.structures.mot_rows import MotRows


def write_results(
    out: Path,
    found: "Iterable[tuple[SearchResult, TimedFrame]]",
    person: "MotRows | None",
    ids: str,
    page: FindPage | None,
) -> None:
    """Write results as they come, then summary, montage and page.

    A stop, or an error, loses nothing that was found before.

    Args:
        out: the folder, which is made.
        found: results with their frames.
        person: labels of the person; None without ground truth.
        ids: what the numbers of matches are: "person" or "track".
        page: None for no page.

    Raises ValueError when there is no frame to search.
    """
    from deepsort_reid.reid.person_search import SearchLog, SearchSummary

    log, file, status = SearchLog(), None, "complete"
    try:
        for result, timed in found:
            if file is None:
                file = _open_results(out, ids)
            file.append(_csv_line(_csv_row(result, timed.time)))
            log.append(result)
            if page is not None:
                page.add(result, timed)
    except BaseException as error:
        status = interrupted_or_failed(error)
        raise
    finally:
        if file is not None:
            file.close()
            summary = SearchSummary(log.results)
            _print_summary(summary, person)
            _write_montage(out, summary)
            if page is not None:
                page.write(summary, has_truth=person is not None, status=status)
    if file is None:
        raise ValueError("nothing to search: the query is in the only frame")


def _write_montage(out: Path, summary: "SearchSummary") -> None:
    from deepsort_reid.reid.evaluation.montage import write_png
    from deepsort_reid.reid.person_search import search_montage

    if any(result.crop is not None for result in summary.results):
        write_png(out / "montage.png", search_montage(summary.results))
        print_note(f"montage: {out / 'montage.png'}")


def _open_results(out: Path, ids: str) -> AppendedFile:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.csv"
    path.unlink(missing_ok=True)
    file = AppendedFile(path)
    columns = ("frame", "time", "x", "y", "w", "h", "similarity", "outcome", ids)
    file.append(_csv_line(columns))
    return file


def _csv_row(result: "SearchResult", time: float) -> tuple[object, ...]:
    from deepsort_reid.structures.boxes import xyxy_to_tlwh

    box = [""] * 4
    if result.xyxy is not None:
        box = xyxy_to_tlwh(result.xyxy[None])[0].round(2).tolist()
    outcome = f"{result.similarity:.4f}", result.outcome.value, result.number or ""
    return (result.frame, f"{time:.3f}", *box, *outcome)


def _csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _print_summary(summary: "SearchSummary", person: "MotRows | None") -> None:
    from deepsort_reid.reid.person_search import Outcome

    found = summary.count(Outcome.FOUND)
    if person is None:
        print_note(
            f"found in {found} of {len(summary.results)} frames; no ground truth to compare with"
        )
        print_note("(give --truth FILE, and --identity ID for an image, to score the search)")
        return
    if not summary.frames_present:
        print_note("the person is not labelled in any of these frames")
        return
    print_note(
        f"found in {found} of the {summary.frames_present} frames with the person "
        f"({summary.recall:.1%}); {summary.count(Outcome.WRONG)} wrong, "
        f"{summary.count(Outcome.MISSED)} missed, {summary.count(Outcome.FALSE_ALARM)} false "
        f"alarms in {len(summary.results) - summary.frames_present} frames without the person"
    )
    if summary.frames_without_candidate:
        print_note(
            f"in {summary.frames_without_candidate} of these frames no detection overlaps the "
            "labelled box"
        )
