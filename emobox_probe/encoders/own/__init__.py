"""Encoders of one's own: whatever computes frames from audio, named by its user and checked before it is used."""
