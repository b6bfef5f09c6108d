"""Keeping the webhook registered, and the channel's status true."""

from adapters.twilio.api import SOON
from adapters.twilio.registration import ByHand, Registration
from gateway.adapter import Gate
from gateway.errors import Refused, SendError

CHECK = 300.0  # seconds
FIRST, LONGEST = 5.0, CHECK
PATIENCE = 4 * SOON + 10  # a look takes up to four calls


class Upkeep:
    """Looks after one channel's registration. `url` is where Twilio is to call us, "" when that is left to others."""

    def __init__(self, gate: Gate, registration: Registration, url: str) -> None:
        self._gate, self._registration, self._url = gate, registration, url
        self._trouble = ""
        self._by_hand = ""
        self._next = CHECK
        self._failures = 0

    @property
    def hears_every(self) -> float:
        """Seconds within which Twilio answers a look of ours; 0 where we do not look."""
        return CHECK + PATIENCE if self._url else 0

    async def look(self) -> None:
        """Have Twilio call us. Raises only `Refused("auth")`; any other failure is kept to be told."""
        if not self._url:
            return
        try:
            await self._registration.ensure(self._url)
        except ByHand as by_hand:
            self._by_hand = f"{by_hand}; it has to be {self._url.partition('#')[0]}"
        except SendError as error:
            if isinstance(error, Refused) and error.reason == "auth":
                raise
            self._trouble = f"webhook not registered: {error}"
            self._next = min(LONGEST, FIRST * 2**self._failures)
            self._failures += 1
            return
        else:
            self._by_hand = ""
        self._gate.heard()  # also where the webhook is left to others: Twilio has answered
        self._trouble, self._next, self._failures = "", CHECK, 0

    async def keep(self) -> None:
        """Look every few minutes, and sooner after a failure; until cancelled. Returns where there is nothing to do."""
        while self._url:
            self._tell()
            await self._gate.pause(self._next)
            await self.look()
        if not self._gate.public_url:
            self._gate.health("up", "server.public_url is not set: Twilio cannot call us, and nothing it says is taken")
        else:
            self._gate.health("up")

    def _tell(self) -> None:
        self._gate.health("retrying" if self._trouble else "up", self._trouble or self._by_hand)
