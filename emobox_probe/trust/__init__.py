"""How far a model can be trusted beyond its score: with little data, and where its labels are doubtful."""
