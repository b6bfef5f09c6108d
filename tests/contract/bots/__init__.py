"""What stands behind the bots in `gateway/bots/`, each in a file of its kind's name."""
