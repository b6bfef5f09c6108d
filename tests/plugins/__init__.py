"""Small adapters and bots that tests name by their dotted module."""
