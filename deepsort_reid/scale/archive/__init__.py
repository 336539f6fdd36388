"""Archive: all videos of a folder are tracked, and their persons linked."""
