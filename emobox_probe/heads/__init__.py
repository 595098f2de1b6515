"""The heads, what they are trained on together, and how training goes on after it was killed."""
