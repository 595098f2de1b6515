"""One page of all results, from a file or as a static Space."""
