"""The workspaces that a channel serves: whose token it has, and who it is there."""

from collections.abc import Iterable

import msgspec


class Workspace(msgspec.Struct, frozen=True):
    """One workspace. All but the token is known once Slack was asked."""

    token: str
    team: str = ""
    user: str = ""  # our own user there, which speaks and is mentioned
    bot: str = ""  # the same as a bot: what is said over the Web API carries this id
    name: str = ""

    def __repr__(self) -> str:
        return f"Workspace(team={self.team!r}, user={self.user!r})"

    def speaks(self, user: str, bot: str) -> bool:
        """Whether a message by this user or bot is our own."""
        return bool((user and user == self.user) or (bot and bot == self.bot))


class Workspaces:
    """Those that are known, by team id. `single`: the operator gave one token, and no team id with it."""

    def __init__(self, single: bool) -> None:
        self.single = single
        self._by_team: dict[str, Workspace] = {}

    def know(self, workspace: Workspace) -> None:
        self._by_team[workspace.team] = workspace

    def all(self) -> tuple[Workspace, ...]:
        return tuple(self._by_team.values())

    def find(self, team: str) -> Workspace | None:
        """The workspace of an address's account: "" is the only one, where there is one."""
        if not team and self.single:
            return next(iter(self._by_team.values()), None)
        return self._by_team.get(team)

    def first(self, teams: Iterable[str]) -> Workspace | None:
        """The first of several that we serve: in a channel shared by organisations an event names more than one."""
        return next((self._by_team[team] for team in teams if team in self._by_team), None)

    def speaking(self, user: str, bot: str) -> Workspace | None:
        """The workspace in which this user or bot is ourselves."""
        return next((one for one in self._by_team.values() if one.speaks(user, bot)), None)

    def account(self, team: str) -> str:
        """What the address of an event in a team says of the account."""
        return "" if self.single else team
