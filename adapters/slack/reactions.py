"""Reactions: Slack calls them by names such as `+1`, everybody else by the sign itself."""

from collections import OrderedDict

import msgspec

from adapters.slack.sdk import Sdk
from adapters.slack.wire import moment
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, SendError

_REMEMBERED = 2000
_BRIEF = 5.0  # seconds
_VARIATION = "\ufe0f"  # asks for the coloured form of a sign
_TONES = tuple(chr(tone) for tone in range(0x1F3FB, 0x1F400))

_NAMES = {
    "👍": "+1",
    "👎": "-1",
    "👀": "eyes",
    "✅": "white_check_mark",
    "✔": "heavy_check_mark",
    "❌": "x",
    "⚠": "warning",
    "⛔": "no_entry",
    "🚫": "no_entry_sign",
    "⏳": "hourglass_flowing_sand",
    "⌛": "hourglass",
    "🔄": "arrows_counterclockwise",
    "🤔": "thinking_face",
    "🤖": "robot_face",
    "❤": "heart",
    "🎉": "tada",
    "🙏": "pray",
    "👏": "clap",
    "👌": "ok_hand",
    "🆗": "ok",
    "💔": "broken_heart",
    "😀": "grinning",
    "😂": "joy",
    "😢": "cry",
    "😡": "rage",
    "🔥": "fire",
    "💯": "100",
    "🚀": "rocket",
    "📝": "memo",
    "✍": "writing_hand",
    "👋": "wave",
    "🎤": "microphone",
    "🔍": "mag",
    "💬": "speech_balloon",
    "⭐": "star",
    "❓": "question",
    "❗": "exclamation",
}
_SIGNS = {name: one for one, name in _NAMES.items()} | {"thumbsup": "👍", "thumbsdown": "👎"}


class _Reaction(msgspec.Struct, frozen=True):
    name: str
    users: tuple[str, ...] = ()


class _Message(msgspec.Struct, frozen=True):
    reactions: tuple[_Reaction, ...] = ()


def sign(name: str) -> str:
    """The sign of a reaction's name, its skin tone left aside; `:name:` for one that we have no sign for."""
    bare = name.partition("::")[0]
    return _SIGNS.get(bare, f":{bare}:")


def name(emoji: str) -> str:
    """Slack's name of a sign; `:name:` is taken as well. Raises `Refused` for a sign we have no name for."""
    bare = emoji.replace(_VARIATION, "").rstrip("".join(_TONES))
    if bare.startswith(":") and bare.endswith(":") and len(bare) > 2:
        return bare[1:-1]
    found = _NAMES.get(bare)
    if found is None:
        raise Refused("unsupported", "Slack's name of this reaction is not known: write it as :name:")
    return found


class Reactions:
    """Our own: one on a message at a time. Those of an earlier process are asked for, where its message is older."""

    def __init__(self, gate: Gate, sdk: Sdk) -> None:
        self._sdk = sdk
        self._ours: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._since = gate.now()  # of messages that are younger we know what we have put on them

    async def put(self, home: Workspace, chat: str, ref: str, emoji: str) -> None:
        """Put our reaction on a message in place of the one before; "" takes it away. Raises what `send` may."""
        wanted = name(emoji) if emoji else ""
        for before in await self._before(home, chat, ref):
            if before != wanted:
                await self._change(home, "reactions.remove", chat, ref, before, "no_reaction")
        if wanted:
            await self._change(home, "reactions.add", chat, ref, wanted, "already_reacted")
            self._ours[chat, ref] = wanted
            if len(self._ours) > _REMEMBERED:
                (_, oldest), _ = self._ours.popitem(last=False)
                self._since = max(self._since, moment(oldest) + 1)

    async def _before(self, home: Workspace, chat: str, ref: str) -> list[str]:
        """Ours that are on a message now."""
        known = self._ours.pop((chat, ref), "")
        if known or moment(ref) >= self._since:
            return [known] if known else []
        try:
            found = await self._sdk.ask(
                home.token,
                "reactions.get",
                lambda client: client.reactions_get(channel=chat, timestamp=ref, full=True),
                _BRIEF,
            )
            there = msgspec.convert(found.get("message"), _Message).reactions
        except (SendError, msgspec.ValidationError):  # the scope for it may be missing
            return []
        return [one.name for one in there if home.user in one.users]

    async def _change(self, home: Workspace, method: str, chat: str, ref: str, called: str, done: str) -> None:
        add = method == "reactions.add"
        try:
            await self._sdk.ask(
                home.token,
                method,
                lambda client: (client.reactions_add if add else client.reactions_remove)(
                    channel=chat, timestamp=ref, name=called
                ),
            )
        except Refused as refused:
            if not str(refused).endswith(done):
                raise
