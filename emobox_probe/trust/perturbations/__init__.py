"""What happens to audio between a mouth and a classifier, one file a kind; `suite` has them all by name."""
