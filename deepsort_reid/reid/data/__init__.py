"""Datasets of people crops, samplers and augmentation."""
