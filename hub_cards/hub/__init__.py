"""How files get to the Hub: shown first, then sent as one commit or a pull request."""
