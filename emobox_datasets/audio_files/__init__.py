"""Any container to 16 kHz mono, and what the samples tell."""
