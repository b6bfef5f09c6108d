"""How words and files share messages: captions where they fit, albums where there are any, links for the rest."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.adapter import Limits
from gateway.files.naming import title
from gateway.markup import Rendered, render
from gateway.markup.parse import Input
from gateway.markup.render import UNITS
from gateway.message import Entity, File, Outbound
from gateway.voice.wording import escaped, wording


class Parcel(NamedTuple):
    """What one part will hold."""

    text: str = ""
    plain: str = ""
    entities: tuple[Entity, ...] = ()
    files: tuple[File, ...] = ()


def pack(limits: Limits, said: Outbound, input: Input) -> list[Parcel]:
    """The parts of a message that is more than words.

    A file that the platform cannot take is a link below the words. Words stand in the caption of the first files
    if they fit there; else they come before the files, or after them when buttons belong below the words.
    """
    files = [*said.files, said.whole] if said.whole is not None else list(said.files)
    native = [file for file in files if 0 < file.size <= limits.files_out]
    links = _links([file for file in files if file not in native], input)
    albums = [native[at : at + limits.album] for at in range(0, len(native), limits.album)]
    words = _words(limits, said, links, input)
    spoken = [_recording(limits, said, said.speech, input)] if said.speech is not None else []
    return spoken + _together(limits, words, albums, bool(said.buttons), input)


def _words(limits: Limits, said: Outbound, links: str, input: Input) -> list[Rendered]:
    if said.whole is not None:
        return [*_render(limits, said.text, input)[:1], *_render(limits, links, input)]
    text = said.text if said.speech is None else wording(said.text, input).written
    return _render(limits, "\n\n".join(filter(None, (text, links))), input if said.speech is None else "markdown")


def _together(
    limits: Limits, words: list[Rendered], albums: list[list[File]], buttons: bool, input: Input
) -> list[Parcel]:
    texts = [Parcel(piece.text, piece.plain, piece.entities) for piece in words]
    if not albums or not words:
        return texts or [_parcel(limits, None, album, input) for album in albums]
    caption = len(words) == 1 and UNITS[limits.unit](words[0].text) <= limits.caption
    if caption and (not buttons or (len(albums) == 1 and len(albums[0]) == 1)):
        first, *others = albums
        return [_parcel(limits, words[0], first, input), *(_parcel(limits, None, album, input) for album in others)]
    bare = [_parcel(limits, None, album, input) for album in albums]
    return bare + texts if buttons else texts + bare


def _parcel(limits: Limits, words: Rendered | None, files: Sequence[File], input: Input) -> Parcel:
    """Files with a caption, and what to send in their place should the platform not take them."""
    instead = _render(limits, _links(files, input), input)
    plain = "\n\n".join([*([words.plain] if words else []), *(piece.plain for piece in instead)])
    if UNITS[limits.unit](plain) > limits.text:
        plain = words.plain if words else instead[0].plain
    if words is None:
        return Parcel(plain=plain, files=tuple(files))
    return Parcel(words.text, plain, words.entities, tuple(files))


def _recording(limits: Limits, said: Outbound, speech: File, input: Input) -> Parcel:
    """A recording, and its words should the platform not take it."""
    instead = _render(limits, wording(said.text, input).spoken, "plain")
    return Parcel(plain=instead[0].plain if instead else "", files=(speech,))


def _links(files: Sequence[File], input: Input) -> str:
    if input == "plain":
        return "\n".join(f"{title(file.name)}: {file.url}" for file in files)
    return "\n".join(f"[{escaped(title(file.name))}]({file.url})" for file in files)


def _render(limits: Limits, text: str, input: Input) -> list[Rendered]:
    return render(text, limits.dialect, limits.text, limits.unit, input)
