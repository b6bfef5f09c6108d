"""Slack's own hosts: what is secret goes to them only, and to the one that the operator named."""

from yarl import URL

_OWN = ("slack.com", "slack-files.com", "slack-edge.com")


def own(address: str, base: URL) -> URL | None:
    """The address as one of Slack's, or of the host of `base`; nothing when it is neither."""
    try:
        url = URL(address)
    except ValueError:
        return None
    host = url.host or ""
    if host and (url.scheme, host, url.port) == (base.scheme, base.host, base.port):
        return url
    known = any(host == own or host.endswith(f".{own}") for own in _OWN)
    return url if url.scheme == "https" and known else None
