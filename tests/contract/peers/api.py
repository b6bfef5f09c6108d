"""The api's side: programs talk to the gateway's own door, and read there what was said."""

from tests.contract import peer


class Peer(peer.Peer):
    """Nothing is pushed to this adapter, and nothing is sent by it."""
