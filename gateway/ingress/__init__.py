"""What every HTTP request passes first: bounded, checked, and answered with a problem when it cannot be served."""
