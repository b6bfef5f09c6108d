"""One configured channel as it runs: its adapter, its policies, its pace, and how its connection does."""

from collections.abc import Callable

from gateway.adapter import Adapter, Limits, State
from gateway.clock import Clock
from gateway.keys import SessionKey, session_key
from gateway.message import Address
from gateway.meter import Meter, whole
from gateway.outbox import PAUSED
from gateway.pace import Pace
from gateway.routes import Routes
from gateway.rules import ALONE, RuleBook
from gateway.settings import ChannelSettings
from gateway.texts import Own, text

AUTH_PAUSE = 900.0  # seconds until refused credentials are tried again


class Channel:
    """What the core asks of a channel. Everything about the platform is declared by the adapter."""

    def __init__(
        self,
        name: str,
        settings: ChannelSettings,
        adapter: Adapter,
        clock: Clock,
        share: Callable[[], float] = whole,
    ) -> None:
        self.name, self.settings, self.adapter = name, settings, adapter
        self._clock = clock
        self.meter = _meter(settings, adapter.limits, clock, share)
        self.pace = _pace(settings)
        self.rules = RuleBook(settings)
        routes = Routes(settings, self.rules)
        self.routes = routes if routes.any else None
        self.state: State = "starting"
        self.detail = ""
        self.missed = False  # whether something may have been said that never reached us
        self.kept_because = ""  # why newer settings are not in force
        self._shut_until = 0.0
        self.heard_at: int | None = None
        self.lively_at = 0.0  # when it was heard of, by the clock's `tick`
        self.sent_at: int | None = None

    @property
    def bot(self) -> str:
        """Who answers where no route says otherwise."""
        return self.settings.bot

    @property
    def bots(self) -> tuple[str, ...]:
        """All who may answer."""
        return self.routes.bots if self.routes else (self.bot,)

    @property
    def platform(self) -> str:
        return self.settings.platform

    @property
    def account(self) -> str:
        return self.adapter.account

    @property
    def limits(self) -> Limits:
        return self.adapter.limits

    @property
    def sends(self) -> bool:
        """Whether its outbox may be worked on now; what waits is kept while it may not."""
        if self.state == "auth":
            # Where only speaking was refused, nothing but another try will tell that it is allowed again.
            return self._clock.tick() >= self._shut_until
        return self.state not in ("stopped", "starting")

    @property
    def names_admins(self) -> bool:
        """Whether the platform tells who rules in a group."""
        return type(self.adapter).is_admin is not Adapter.is_admin

    @property
    def prefixes(self) -> str:
        return self.limits.prefixes

    def expiry(self, now: int) -> int:
        """When a part queued now is not worth sending any more, in ms. While it may not be sent it is kept longer."""
        ttl = round(self.settings.delivery.ttl * 1000)
        return now + (max(ttl, PAUSED) if self.state in ("auth", "stopped") else ttl)

    def health(self, state: State, detail: str = "") -> None:
        self.state, self.detail = state, detail
        if state not in ("up", "starting"):
            self.missed = True
        if state == "auth":
            self._shut_until = self._clock.tick() + AUTH_PAUSE

    def heard(self) -> None:
        self.heard_at, self.lively_at = self._clock.now(), self._clock.tick()

    def key(self, address: Address, bot: str = "") -> tuple[SessionKey, str]:
        """The session key of an address under this channel's policy. Raises `ValueError` when an id is missing."""
        scope = getattr(self.settings.session.scope, address.place, None) or self.adapter.boundary.get(address.place)
        if scope is None:
            raise ValueError(f"{self.platform} has no {address.place}")
        if self.rules.scoped and address.place not in ALONE:
            scope = self.rules.at(address).scope(address.place) or scope
        return session_key(self.name, bot or self.bot, address.account or self.account, address, scope)

    def say(self, language: str) -> Callable[..., str]:
        """The channel's texts in a language."""

        own: Own = self.settings.texts

        def say(name: str, /, **values: object) -> str:
            return text(name, language or "en", own, **values)

        return say


def _pace(settings: ChannelSettings) -> Pace | None:
    rate = settings.limits.messages
    return Pace(rate.seconds * 1000 / rate.count, rate.count) if rate else None


def _meter(settings: ChannelSettings, limits: Limits, clock: Clock, share: Callable[[], float]) -> Meter:
    override = settings.limits.send
    if override == "off":
        return Meter(clock, None, None, None)
    if override is not None:
        return Meter(clock, override, None, None, share)
    return Meter(clock, limits.account_rate, limits.chat_rate, limits.group_rate, share)
