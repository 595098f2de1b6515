"""From utterances to folds: released, completed, strict, balanced, or a list of the user."""
