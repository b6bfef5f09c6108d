"""What every adapter and every bot owes, as one suite that runs over all of them.

`pytest` runs it over all adapters in `adapters/` and all bots in `gateway/bots/`. `pytest --adapter pkg.mod` and
`pytest --bot pkg.mod` run it, and nothing else, over plugins of another package. Each brings its far side: see `peer`
and `backend`.
"""
