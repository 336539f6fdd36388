"""MkDocs hook: put the output of `deepsort-reid COMMAND --help` into the command line page."""

import contextlib
import io
import os
import re
from typing import Any

from deepsort_reid.cli.main import main

_PLACEHOLDER = re.compile(r"^<!-- help: ?(\S*) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each `<!-- help: COMMAND -->` by the help text of that command."""
    return _PLACEHOLDER.sub(lambda match: f"```text\n{help_text(match[1])}```", markdown)


def help_text(command: str) -> str:
    """What `deepsort-reid COMMAND --help` prints, 88 columns wide; of the program if empty."""
    os.environ["COLUMNS"] = "88"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main([command, "--help"] if command else ["--help"])
    if status:
        raise ValueError(f"deepsort-reid {command} --help ended with status {status}")
    return printed.getvalue()
