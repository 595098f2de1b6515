"""What a run shows: pictures, tables, and the files in its folder."""
