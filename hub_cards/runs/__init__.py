"""The only place that finds, reads and checks runs."""
