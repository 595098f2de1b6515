"""What published models have heard in training: `seen.json`, how it is read, and the page made from it."""
