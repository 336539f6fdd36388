"""ReID datasets, splits, batch sampling, augmentation and crop extraction."""
