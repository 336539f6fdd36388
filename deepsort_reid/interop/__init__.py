"""The interfaces of other trackers, for programs that were written for them."""
