"""One script of situations, the same for every platform: each road says how its people do it, the script what holds."""
