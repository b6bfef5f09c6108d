"""A module without any adapter or bot."""
