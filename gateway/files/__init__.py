"""Files that came in: where they are kept, what is known of them, and for how long."""
