"""The command line: `gateway`."""

import asyncio
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command."""
    from config import ConfigErrors
    from gateway.daemon import serve
    from gateway.log import configure
    from gateway.settings import load

    path = os.environ.get("GATEWAY_CONFIG", "config/gateway.yaml")
    if "-c" in sys.argv:
        path = sys.argv[sys.argv.index("-c") + 1]
    try:
        settings = load(path, os.environ)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        raise SystemExit(2) from None
    configure(settings.log, settings.secrets())
    asyncio.run(serve(settings, Path.cwd()))


if __name__ == "__main__":
    main()
