"""Fetching what a user or a bot named by URL: the one way out to places that the operator did not choose.

`Fetcher.open` gives the body of an answer in pieces, or raises `FetchRefused` (never worth another try) or
`FetchFailed` (perhaps later). What holds for every URL, and anew for every redirect:

- http and https only, no user name or password in it, at the usual ports;
- every address that the name resolves to is public, and the one that is connected to is checked once more in the
  moment of connecting, so that a name which answers differently the second time gains nothing;
- hosts named in `Rules.allow` may be anywhere and at any port, and lead only to one another;
- at most three redirects, never from https to http, never from public to internal hosts or back; headers of the
  caller (they may hold credentials) go to the first origin only;
- size and time have limits; no proxy is taken from the environment, no cookie is kept.
"""

from gateway.fetch.fetcher import Caps, Download, Fetcher
from gateway.fetch.fetchers import Fetchers
from gateway.fetch.rules import Host, Rules, host

__all__ = ["Caps", "Download", "Fetcher", "Fetchers", "Host", "Rules", "host"]
