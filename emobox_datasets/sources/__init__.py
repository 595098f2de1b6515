"""Where corpora are: on this machine, or at their publishers."""
