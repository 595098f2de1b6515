"""What is sent: scores of a model, results, corpora."""
