"""The command line: `gateway`. What is slow to import is imported by the command that needs it."""


def main() -> None:
    """Run the command that the arguments name. Exits with 0 well, 1 a finding, 2 usage or configuration."""
    from gateway.cli.app import app

    app()
