"""What the world sees: model cards and, from many results, a leaderboard."""
