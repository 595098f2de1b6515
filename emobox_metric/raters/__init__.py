"""What raters say: their agreement, the scores that people reach, and answers held against votes and ratings."""
