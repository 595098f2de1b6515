"""From 16 kHz audio to frames: loading a model, its family, batches, exactness."""
