"""How far a model can be trusted beyond its score: on other audio, with little data, and where labels are doubtful."""
