"""Speech: voice messages become text, answers become voice messages."""
