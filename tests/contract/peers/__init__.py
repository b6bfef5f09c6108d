"""The far sides of the platforms in `adapters/`, each in a file of its platform's name."""
