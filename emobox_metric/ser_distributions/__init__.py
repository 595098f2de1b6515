"""A metric of the `evaluate` library: one module, named as the folder."""
