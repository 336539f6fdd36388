"""Backbones, OSNet, and the ReID model: backbone, pooling, embedding head."""
