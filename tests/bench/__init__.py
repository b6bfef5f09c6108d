"""The benchmark: the same load through a bare relay that remembers nothing and through the gateway."""
