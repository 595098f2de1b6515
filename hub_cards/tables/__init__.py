"""Results as tables and pictures, beside those of the paper."""
