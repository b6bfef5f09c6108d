"""What must be known before an event may be written down and neither it nor the settings tell: who answers where a
keyword may have chosen, whether the sender rules in the group, whether a question waits for their yes.

The store and the platform are asked before the event is written, so that nothing is acknowledged whose effect is not
on disk: should the process die meanwhile, the platform sends the event again. A question to the platform takes two
seconds at most, and is asked only for a command that its administrators alone may use, once in five minutes for each
person. Meanwhile events of the same spot wait in line, since a reset must discard what came before it and keep what
came after it; those of others go on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from weakref import WeakValueDictionary

import msgspec
from msgspec.structs import replace

from gateway import commands, confirming
from gateway.access import private
from gateway.admins import Admins
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.gates import judge
from gateway.message import Inbound
from gateway.permission import who_may
from gateway.routes import Choice, ongoing
from gateway.text import parse_command

_Line = tuple[str, str, str, str]


class Standing(msgspec.Struct, frozen=True, gc=False):
    """An event with all that was found out about it. `leaves` is an empty session that another bot's takes over from;
    `admin` is None where the platform was not asked or did not say.
    """

    inbound: Inbound
    bot: str
    leaves: str = ""
    admin: bool | None = None
    confirms: bool = False


class _Open(NamedTuple):
    """What is not known of an event yet."""

    bot: bool
    admin: bool
    confirms: bool


class Inquiry:
    """Finds out what an event in a group, or in a channel with routes, depends on."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._admins = Admins(corridor.clock)
        self._lines: WeakValueDictionary[_Line, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def about(self, channel: Channel, inbound: Inbound) -> AsyncIterator[Standing]:
        """All there is to know; while it is used, no other event of the spot is let through."""
        at, routes = inbound.address, channel.routes
        choice = routes.choose(inbound, at.account or channel.account) if routes else Choice(channel.bot, inbound)
        unknown = self._unknown(channel, inbound, choice)
        spot = (channel.name, inbound.account, at.chat, at.thread)
        line = self._lines.get(spot)
        if line is None and not any(unknown):
            admin = None if private(inbound) else self._admins.known(channel, at)
            yield Standing(choice.inbound, choice.bot, admin=admin)
            return
        async with line or self._lines.setdefault(spot, asyncio.Lock()):
            yield await self._find_out(channel, inbound, choice, unknown)

    def _unknown(self, channel: Channel, inbound: Inbound, choice: Choice) -> _Open:
        if private(inbound):
            return _Open(bool(choice.rivals), admin=False, confirms=False)
        admin = self._needs_admin(channel, inbound) and self._admins.known(channel, inbound.address) is None
        return _Open(bool(choice.rivals), admin, confirming.may_confirm(channel, inbound))

    def _needs_admin(self, channel: Channel, inbound: Inbound) -> bool:
        command = parse_command(inbound.text, channel.prefixes, channel.adapter.mention)
        if command is None or command.target or (name := commands.known(command.name)) is None:
            return False
        if who_may(channel, inbound, name) != "admins":
            return False
        # Where a conversation may go on unaddressed, a command is heard too, should one be open there.
        heard = (None, "not_addressed") if inbound.address.place == "thread" else (None,)
        return judge(channel, inbound, command=True) in heard

    async def _find_out(self, channel: Channel, inbound: Inbound, choice: Choice, unknown: _Open) -> Standing:
        standing = Standing(choice.inbound, choice.bot)
        if unknown.bot:
            standing = await self._routed(channel, inbound, choice)
        if not private(inbound):
            admin = self._admins.known(channel, inbound.address)
            if admin is None and unknown.admin:
                admin = await self._admins.ask(channel, inbound.address)
            standing = replace(standing, admin=admin)
        if unknown.confirms:
            standing = replace(standing, confirms=await self._asked(channel, inbound, standing.bot))
        return standing

    async def _routed(self, channel: Channel, inbound: Inbound, choice: Choice) -> Standing:
        """A conversation keeps its bot; where none is open, or nothing has been said in it, a keyword decides."""
        try:
            keys = [channel.key(inbound.address, bot)[1] for bot in choice.rivals]
        except ValueError:
            return Standing(inbound, choice.bot)
        open = await self._c.db.read(ongoing, keys)
        if open is None:
            return Standing(choice.inbound, choice.bot)
        if choice.by_keyword and open.empty:
            return Standing(choice.inbound, choice.bot, leaves="" if open.bot == choice.bot else open.session)
        return Standing(inbound, open.bot)

    async def _asked(self, channel: Channel, inbound: Inbound, bot: str) -> bool:
        try:
            key = channel.key(inbound.address, bot)[1]
        except ValueError:
            return False
        person = inbound.sender.id if inbound.sender else ""
        return await self._c.db.read(confirming.asked, key, person, self._c.clock.now())
