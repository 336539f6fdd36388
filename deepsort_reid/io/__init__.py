"""Reading and writing: videos, images, MOT files and track outputs."""
