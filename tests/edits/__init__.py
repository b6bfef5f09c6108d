"""What operators do to the files of a running gateway, drawn from a seed: changes that are well, and mistakes."""
