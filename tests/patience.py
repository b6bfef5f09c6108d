"""How long a test waits for what is certain to come: only one that fails waits so long, however slow the machine."""

PATIENCE = 60.0  # seconds
