"""Choose, then look at test, once; scores from predictions, and records held against them."""
