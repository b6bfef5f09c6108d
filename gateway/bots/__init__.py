"""The kinds of bots, each a file of that name with a class `Bot`, and the rooms they share."""
