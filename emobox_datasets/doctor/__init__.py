"""Is a copy of a corpus the one the benchmark means?"""
