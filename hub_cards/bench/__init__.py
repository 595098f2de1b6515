"""Many models on many corpora as one plan: what is missing is computed, what is there is kept."""
