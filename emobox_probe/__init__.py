"""What is learned from frozen features: one small head on any speech model, scored on any corpus."""
