"""Many videos and cameras, in processes of this machine or on a Ray cluster."""
