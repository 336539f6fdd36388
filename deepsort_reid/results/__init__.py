"""The results page of a tracked video: what to show is recorded while it is tracked."""
