"""Training of embedders: losses, schedules, the training loop, checkpoints, run logs."""
