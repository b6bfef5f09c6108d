"""No secret shows, whatever goes wrong: not in a log line, an error, an answer, or what is told of the health."""

import contextlib
import io
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from gateway.errors import SendError
from gateway.message import File, Part
from tests.contract import hostile
from tests.contract.peer import Peer, Said
from tests.contract.subject import Channel, Subject
from tests.contract.test_sending import MEANT

pytestmark = pytest.mark.feature("DEV-02", "SEC-01")


class Overheard(logging.Handler):
    """Everything that was said aloud: log lines of all levels, warnings, what was printed, and errors."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.said = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.write(self.format(record) + "\n")

    def note(self, what: object) -> None:
        """An answer, or an error with all that hangs on it."""
        if isinstance(what, BaseException):
            self.said.write("".join(traceback.format_exception(what)))
            for value in (*what.args, *vars(what).values()):
                self.said.write(f"{value} {value!r}\n")
        else:
            self.said.write(f"{what}\n")


@contextlib.contextmanager
def overhearing() -> Iterator[Overheard]:
    ear, root = Overheard(), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stderr(ear.said):
            yield ear
    finally:
        root.removeHandler(ear)
        root.setLevel(level)


def secrets(channel: Channel) -> list[str]:
    options = channel.adapter.options
    values = [getattr(options, name) for name in type(options).model_fields]
    hidden = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return [form for secret in (*hidden, *channel.peer.secrets()) for form in {secret, quote(secret, safe="")}]


async def test_no_secret_shows_when_calls_are_refused(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        with overhearing() as ear:
            async with subject.channel(way) as channel:
                calls = [call for _, call in hostile.strangers(channel.peer)]
                if way == "pushed":
                    good = channel.peer.call(channel.peer.body(Said()))
                    calls += [call for _, call in (*hostile.forged(channel.peer, good), *hostile.proven(channel.peer))]
                for call in calls:
                    ear.note(await channel.adapter.handle(call))
                ear.note(channel.gate.states)
                _clean(ear, channel)


@pytest.mark.where("wire")
async def test_no_secret_shows_when_sending_fails(subject: Subject) -> None:
    with overhearing() as ear:
        async with subject.channel() as channel:
            for fault in MEANT:
                if fault in ("accepted_then_silent", "away"):
                    continue
                await channel.peer.fail(fault)
                await _try(channel, ear)
            await channel.peer.fail("away")
            await _try(channel, ear)
            with contextlib.suppress(SendError, NotImplementedError):
                [piece async for piece in channel.adapter.fetch(File(ref="x"))]
            await _open_and_probe(channel, ear)
            _clean(ear, channel)


async def _try(channel: Channel, ear: Overheard) -> None:
    with pytest.raises(SendError) as raised:
        await channel.adapter.send(_part(channel.peer))
    ear.note(raised.value)


async def _open_and_probe(channel: Channel, ear: Overheard) -> None:
    with pytest.raises(SendError) as raised:
        await channel.adapter.open()
    ear.note(raised.value)
    for finding in await channel.adapter.probe():
        ear.note(finding)
    ear.note(repr(channel.adapter.options))


def _part(peer: Peer) -> Part:
    return Part(id="1", address=peer.address, text="hello")


def _clean(ear: Overheard, channel: Channel) -> None:
    heard = ear.said.getvalue()
    assert heard
    for secret in secrets(channel):
        assert secret not in heard


@pytest.mark.where("wire")
async def test_a_probe_finds_and_raises_nothing(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.channel(way) as (adapter, _, peer):
            assert all(finding.text for finding in await adapter.probe())
            await peer.fail("away")
            findings = await adapter.probe()
            assert [finding for finding in findings if not finding.ok and finding.remedy]
