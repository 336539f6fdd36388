"""Line that describes versions and machine."""

import numpy as np

from benchmarks.lib import provenance


def test_environment_line_has_versions_and_machine() -> None:
    text = provenance.environment_line("numpy", "no-such-package")
    assert f"numpy {np.__version__}" in text
    assert "no-such-package not installed" in text
    assert "cores" in text
