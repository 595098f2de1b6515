"""What each view of a leaderboard shows: from records to plain rows."""
