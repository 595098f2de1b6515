"""What is trained, chosen and tested on what."""
