"""Reactions: Slack calls them by names such as `+1`, everybody else by the sign itself."""

from collections import OrderedDict

from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspace
from gateway.errors import Refused

_REMEMBERED = 2000
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
    """Our own: one on a message at a time."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self._ours: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def put(self, home: Workspace, chat: str, ref: str, emoji: str) -> None:
        """Put our reaction on a message in place of the one before; "" takes it away. Raises what `send` may."""
        wanted = name(emoji) if emoji else ""
        before = self._ours.pop((chat, ref), "")
        if before and before != wanted:
            await self._change(home, "reactions.remove", chat, ref, before, "no_reaction")
        if wanted:
            await self._change(home, "reactions.add", chat, ref, wanted, "already_reacted")
            self._ours[chat, ref] = wanted
            if len(self._ours) > _REMEMBERED:
                self._ours.popitem(last=False)

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
