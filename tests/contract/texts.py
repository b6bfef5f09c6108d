"""Texts and parts of every kind: those that people write, and those that nobody should."""

from hypothesis import strategies as st

from gateway.message import Address, Entity, Part

ODD = (
    "",
    " ",
    "\n\n",
    "\x00",
    "\u200b",
    "\u202ereversed",
    "👩‍👩‍👧‍👦" * 30,
    "é̂" * 300,
    "العربية mixed with English",
    "日本語" * 500,
    "<b>not bold</b> & \"quoted\" 'so'",
    "*_~`[]()#>|\\" * 50,
    "```\nnever closed",
    "@everyone <!channel> @here",
    "/reset",
    "\ufeffmarked",
    "x" * 100_000,
    "{{template}} ${variable} %s",
    "javascript:alert(1)",
)
"""What a bot may be asked and what it may answer, all of it clean by the gateway's own measure or nearly so."""

_KINDS = ("bold", "italic", "code", "pre", "text_link", "mention", "", "\ud800", "unheard_of")


def parts(home: Address) -> st.SearchStrategy[Part]:
    """Parts of all kinds, most of them for a chat that is there."""
    text = st.text(max_size=60) | st.sampled_from(ODD)
    ids = st.sampled_from(("", "0", "-1", "x", "9" * 40, "@name", "\ud800", home.chat, home.user)) | st.text(max_size=9)
    places = st.sampled_from(("dm", "group", "topic", "thread"))
    elsewhere = st.builds(Address, chat=ids, thread=ids, user=ids, place=places)
    number = st.integers(-3, 70) | st.integers()
    entity = st.builds(Entity, type=st.sampled_from(_KINDS), offset=number, length=number, url=text, language=text)
    return st.builds(
        Part,
        id=st.uuids().map(str),
        address=st.just(home) | st.just(home) | elsewhere,
        text=text,
        plain=text,
        entities=st.lists(entity, max_size=3).map(tuple),
        reply_to=st.just("") | ids,
    )
