"""What the release tells: lists of folds, and every utterance with label, speaker, length and rate."""
