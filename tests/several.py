"""Several gateways on one PostgreSQL, in this process, that know of each other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gateway.daemon import Daemon
from gateway.settings import load
from tests.kit import Kit
from tests.postgres import server
from tests.test_bell import until

YAML = """
server: {{listen: "127.0.0.1:0", lease: 2s}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: '{url}', files: '{files}', local: '{home}'}}
"""


class Several(list[Kit]):
    """The gateways. `daemons` are what they run in, in the same order."""

    def __init__(self, daemons: Sequence[Daemon]) -> None:
        super().__init__(Kit(daemon.settings, daemon.corridor, daemon.router) for daemon in daemons)
        self.daemons = daemons

    async def know(self, topic: str, count: int) -> None:
        """Wait until so many of them share something: the first ones, the others have left."""
        await until(lambda: all(one.corridor.shared.share(topic) == 1 / count for one in self[:count]))


@asynccontextmanager
async def several(folder: Path, yaml: str, count: int = 2) -> AsyncIterator[Several]:
    """So many, with these bots and channels; those of paper have the sheet `SHEET`."""
    daemons = []
    for number in range(count):
        file = folder / f"{number}.yaml"
        head = YAML.format(url=server().database(folder), files=folder / "files", home=folder / str(number))
        file.write_text(head + yaml.replace("SHEET", str(folder)), "utf-8")
        daemons.append(Daemon(load(file, {}), root=folder))
    async with AsyncExitStack() as stack:
        for daemon in daemons:
            await daemon.start()
            stack.push_async_callback(daemon.stop, 0)
        here = Several(daemons)
        for kit in here:
            await until(lambda kit=kit: all(one.state == "up" for one in kit.corridor.channels.values()))
        await here.know(f"bot/{next(iter(here[0].settings.bots))}", count)
        yield here
