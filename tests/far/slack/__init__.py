"""A Slack of the tests' own: the Web API, signed events over HTTP, Socket Mode, people, and faults on request."""

from tests.far.slack.server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, SlackServer

__all__ = ["APP_TOKEN", "BOT_TOKEN", "SIGNING_SECRET", "TEAM", "SlackServer"]
