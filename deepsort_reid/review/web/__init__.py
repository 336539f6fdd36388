"""Web page of a review: its server and its files."""
