"""A corpus as its publisher ships it: folder and files, annotations, what is missing or there twice."""
