"""EmoBox's folds as tasks of MTEB, and encoders of EmoBox as models of it (extra `mteb`)."""
