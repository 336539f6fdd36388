"""Tracking that uses later frames: fixed-lag output and offline correction."""
