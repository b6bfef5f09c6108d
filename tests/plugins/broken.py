"""A module that cannot be imported, and says a secret in its despair."""

raise RuntimeError("planted-secret-1234")
