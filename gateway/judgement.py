"""What an event is: something to be let go, a command with its effect, or ordinary words for the bot."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from gateway import commands, confirming
from gateway.access import private
from gateway.channel import Channel
from gateway.db import Tx
from gateway.gates import judge, unwelcome, welcome
from gateway.inquiry import Standing
from gateway.intake import Effect, Notice
from gateway.message import Inbound
from gateway.participants import Known
from gateway.permission import permitted, who_may
from gateway.text import Command

SLOW_DOWN = Notice("slow_down", 60_000)
TOO_LATE = Notice("too_late", 2_000)
NO_NOTICE = Notice()
TELL_NOT_ALLOWED = 24 * 3600 * 1000
TELL_DISABLED = 3600 * 1000
UNLIMITED = ("stop", "reset")


class Judgement(NamedTuple):
    """Why an event is let go, what its command does, whether no limit holds it back; and how it may turn out after all
    that it was meant for the bot.
    """

    verdict: str | None = None
    effect: Effect | None = None
    unlimited: bool = False
    unless: Callable[[], Tx[bool]] | None = None


def of_yes(channel: Channel, inbound: Inbound, known: Known | None) -> Judgement:
    """The yes to our question, said to us or not: it is neither for the bot nor for the history."""
    verdict = judge(channel, replace(inbound, addressed=True), command=True)
    if verdict is None and known is not None and known.blocked:
        verdict = "not_allowed"
    if verdict is not None:
        return Judgement(verdict)
    say = channel.say(inbound.sender.language if inbound.sender else "")
    return Judgement(None, confirming.confirmed(commands.effect("reset", commands.Asked(say))), True)


def of_command(channel: Channel, standing: Standing, command: Command) -> Judgement:
    """What a command leads to: a reason to ignore it, an effect, or neither when it is ordinary text."""
    if command.target:
        return Judgement("not_addressed")
    inbound = standing.inbound
    policy, say = channel.settings.commands, channel.say(inbound.sender.language if inbound.sender else "")
    name: Any = commands.known(command.name)
    if name is None or (policy.enabled != "all" and name not in policy.enabled):
        if policy.unknown == "help" and name is None:
            return Judgement(None, commands.reply(say("unknown_command", command=f"/{command.name}")))
        return Judgement()
    who = who_may(channel, inbound, name)
    if not permitted(who, inbound, standing.admin):
        untold = who == "admins" and standing.admin is None
        return Judgement(None, commands.reply(say("not_checked" if untold else "not_allowed")))
    offered = [verb for verb in commands.VERBS if policy.enabled == "all" or verb in policy.enabled]
    effect = commands.effect(name, commands.Asked(say, command.args, offered))
    if name == "reset" and not private(inbound) and channel.rules.at(inbound.address).manners.confirm_reset:
        effect = confirming.question(say, channel.limits.buttons)
    if who == "sender":
        effect = commands.by_whom_began(effect, say)
    return Judgement(None, effect, name in UNLIMITED)


def notice(channel: Channel, inbound: Inbound, verdict: str | None) -> Notice:
    if not private(inbound) and not welcome(channel, inbound):
        return NO_NOTICE
    if inbound.kind == "added" and verdict == "service":
        return Notice("group_welcome")
    if verdict == "rate_limited":
        return SLOW_DOWN
    if verdict == "stale":
        return TOO_LATE
    if verdict == "channel_disabled":
        # Who would not be answered either way is not told why.
        unheard = unwelcome(channel, inbound, command=False)
        return NO_NOTICE if unheard else Notice("disabled", TELL_DISABLED)
    if verdict == "not_allowed" and channel.settings.access.tell:
        return Notice("not_allowed", TELL_NOT_ALLOWED)
    return NO_NOTICE
