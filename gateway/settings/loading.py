"""From the operator's files to `Settings`: everything is checked before anything is returned."""

from collections.abc import Mapping
from pathlib import Path as FilePath

from config import ConfigErrors, Document, read
from gateway.settings.advice import advice
from gateway.settings.bots import load_bots
from gateway.settings.channels import load_channels
from gateway.settings.checker import Checker
from gateway.settings.people import Groups, People
from gateway.settings.process import Process
from gateway.settings.whole import Settings

_OTHERS = ("people", "bots", "channels", "defaults")


def load(path: FilePath | str, environment: Mapping[str, str]) -> Settings:
    """The settings of a file and all it includes. Raises `ConfigErrors` with every problem of all of them."""
    return settings(read(path, environment))


def settings(document: Document) -> Settings:
    """The settings that a document asks for. Raises `ConfigErrors` with every problem."""
    checker = Checker(document)
    process = _process(checker)
    people = _people(checker)
    bots = load_bots(checker)
    channels = load_channels(checker, people)
    if checker.problems or process is None:
        raise ConfigErrors(checker.ordered(), document.trail)
    return Settings(
        server=process.server,
        admin=process.admin,
        storage=process.storage,
        redis=process.redis,
        inbox=process.inbox,
        log=process.log,
        people=people,
        bots=bots,
        channels=channels,
        warnings=tuple(advice(document, process, channels)),
        trail=document.trail,
        copy=document.copy,
    )


def _people(checker: Checker) -> People:
    raw = checker.document.data.get("people")
    if raw is None:
        return {}
    well = checker.model(Groups, {"people": raw}, ())
    # Where a group is wrong it is still known, so that those who name it are not called wrong too.
    return well.people if well else dict.fromkeys(raw if isinstance(raw, dict) else (), ())


def _process(checker: Checker) -> Process | None:
    data = checker.document.data
    # A section whose keys have all been commented out says nothing.
    raw = {key: value for key, value in data.items() if key not in _OTHERS and value is not None}
    process = checker.model(Process, raw, (), others=(*_OTHERS, "include"))
    if process and process.server.listen == process.admin.listen and process.server.listen.port:
        at = ("admin", "listen") if ("admin", "listen") in checker.document else ("server", "listen")
        checker.note(at, "server and admin need two different addresses")
    return process
