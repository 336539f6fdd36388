"""Images in: detectors, the embedder, camera motion and drawing."""
