"""Session keys: what tells one conversation from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import SCOPES, SessionKey, session_key
from gateway.message import Address

parts = st.text(min_size=1, max_size=8)
keys = st.builds(
    SessionKey,
    parts,
    parts,
    parts,
    st.lists(st.tuples(st.sampled_from(["account", "user", "chat", "thread"]), parts), max_size=3).map(tuple),
)


@pytest.mark.feature("KEY-02")
@given(keys)
def test_a_key_comes_back_from_its_text(key: SessionKey) -> None:
    assert SessionKey.parse(str(key)) == key


@pytest.mark.feature("KEY-02")
@given(keys, keys)
def test_no_two_keys_share_a_text(one: SessionKey, other: SessionKey) -> None:
    assert (str(one) == str(other)) == (one == other)


@pytest.mark.feature("KEY-02")
@pytest.mark.parametrize("text", ["", "a/b", "a/b/c", "a/b/c:d", "a/b/c:d=e=f", "a/b/c:d=e/g"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a session key"):
        SessionKey.parse(text)


def key(address: Address, scope: str, *, channel: str = "help", bot: str = "support", account: str = "7") -> str:
    return session_key(channel, bot, account, address, scope)[1]


@pytest.mark.feature("KEY-01", "KEY-03", "KEY-07")
@pytest.mark.parametrize(
    ("address", "scope", "text"),
    [
        (Address(chat="12", user="12"), "user", "help/support/dm:account=7,user=12"),
        (Address(chat="-5", user="12", place="group"), "chat", "help/support/group:account=7,chat=-5"),
        (Address(chat="-5", user="12", place="group"), "user", "help/support/group:account=7,chat=-5,user=12"),
        (
            Address(chat="-5", thread="3", user="12", place="topic"),
            "thread",
            "help/support/topic:account=7,chat=-5,thread=3",
        ),
        (Address(chat="-5", thread="3", user="12", place="topic"), "chat", "help/support/group:account=7,chat=-5"),
        (
            Address(chat="C1", thread="9.1", user="U", place="thread"),
            "thread",
            "help/support/thread:account=7,chat=C1,thread=9%2E1",
        ),
        (
            Address(chat="C1", thread="9", user="U", place="thread"),
            "thread_user",
            "help/support/thread:account=7,chat=C1,thread=9,user=U",
        ),
        (Address(chat="x", place="conversation"), "conversation", "help/support/conversation:account=7,chat=x"),
        (Address(chat="12", user="12"), "shared", "help/support/dm:account=7"),
        (Address(chat="D1", user="U", thread="3"), "thread", "help/support/dm:account=7,user=U,thread=3"),
        (Address(chat="D1", user="U"), "thread", "help/support/dm:account=7,user=U"),
    ],
)
def test_boundaries(address: Address, scope: str, text: str) -> None:
    assert key(address, scope).replace("9.1", "9%2E1") == text


@pytest.mark.feature("KEY-01", "KEY-06")
def test_channel_account_and_bot_are_in_every_key() -> None:
    address = Address(chat="12", user="12")
    seen = {key(address, "user", channel=c, bot=b, account=a) for c in "cC" for b in "bB" for a in ("1", "2", "")}
    assert len(seen) == 12


@pytest.mark.feature("KEY-04")
@pytest.mark.parametrize(("place", "scopes"), SCOPES.items())
def test_every_scope_of_every_place_has_a_key(place: str, scopes: tuple[str, ...]) -> None:
    address = Address(chat="c", thread="t", user="u", place=place)  # type: ignore[arg-type]
    assert len({key(address, scope) for scope in scopes}) == len(scopes)


@pytest.mark.feature("KEY-01")
@pytest.mark.parametrize(("place", "scope"), [("dm", "user"), ("group", "user"), ("topic", "thread"), ("dm", "thread")])
def test_an_address_that_lacks_an_id_has_no_key_that_strangers_could_meet_in(place: str, scope: str) -> None:
    address = Address(chat="c", place=place)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no session key"):
        key(address, scope)


ids = st.text(min_size=1, max_size=4)


@pytest.mark.feature("KEY-01", "KEY-02")
@given(st.tuples(ids, ids, ids, ids), st.tuples(ids, ids, ids, ids))
def test_two_people_never_share_a_direct_conversation(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    def of(channel: str, bot: str, account: str, user: str) -> str:
        return session_key(channel, bot, account, Address(chat=user, user=user), "user")[1]

    assert (of(*one) == of(*other)) == (one == other)
