"""The edges: one file or folder for each platform, found by its name."""
