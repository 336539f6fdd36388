"""`python -m deepsort_reid` runs the command line."""

import sys

from deepsort_reid.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
