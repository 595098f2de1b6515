"""What a user must know before trusting a score: how it stands up to other audio."""
