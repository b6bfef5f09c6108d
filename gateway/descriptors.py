"""Open files: every connection is one, and systems let a process begin with very few."""

import resource

SPARE = 4096  # for what is no live connection: requests, calls to bots and platforms, the store, files


def allow(connections: int) -> int:
    """Let this process have so many live connections and all else that it needs, as far as the system lets it.

    Returns for how many live connections there is room now.
    """
    wanted = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    return max(0, min(connections, max(soft, most) - SPARE))
