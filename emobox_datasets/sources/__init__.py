"""Where open corpora come from, and how they are fetched."""
