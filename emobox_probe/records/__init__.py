"""One record a run, and the predictions that it follows from: schema, reading and writing."""
