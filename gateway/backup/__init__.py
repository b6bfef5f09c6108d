"""Backups: one file that holds a whole store, whichever database it was made of and whichever it goes to."""
