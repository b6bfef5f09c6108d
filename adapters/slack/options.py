"""What an operator may say about a Slack channel."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway import options


def _bot_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"(xoxb|xoxe\.xoxb)-[\w.-]{8,}", value.get_secret_value(), re.ASCII):
        raise ValueError("is not a bot token: it begins with xoxb- (Slack: OAuth & Permissions, Bot User OAuth Token)")
    return value


def _app_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"xapp-[\w.-]{8,}", value.get_secret_value(), re.ASCII):
        raise ValueError("is not an app token: it begins with xapp- (Slack: Basic Information, App-Level Tokens)")
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]{8,}", value.get_secret_value()):
        raise ValueError("is not a signing secret (Slack: Basic Information, App Credentials)")
    return value


BotToken = Annotated[options.Secret, AfterValidator(_bot_token)]
Team = Annotated[str, Field(pattern=r"^[TE][A-Z0-9]{1,32}$")]


class Prompt(options.Options):
    """One suggestion in the assistant's empty conversation."""

    title: str = options.needed("What the button says.", min_length=1, max_length=75)
    message: str = options.needed("What is then said in the user's name.", min_length=1, max_length=2000)


class Options(options.Options):
    """Keys of a `platform: slack` channel."""

    bot_token: BotToken | None = options.key(None, "The bot's token (xoxb-), where there is one workspace.")
    workspaces: Mapping[Team, BotToken] = options.key(
        {}, "Where there are several workspaces: the bot's token in each, by team id (T...)."
    )
    mode: Literal["socket", "http"] = options.key(
        "socket", "socket: we connect to Slack, no public address is needed; http: Slack calls /c/<channel>."
    )
    app_token: Annotated[options.Secret, AfterValidator(_app_token)] | None = options.key(
        None, "The app's token (xapp-, scope connections:write); mode: socket needs it."
    )
    signing_secret: Annotated[options.Secret, AfterValidator(_signing_secret)] | None = options.key(
        None, "What Slack signs its calls with; mode: http needs it."
    )
    command: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,32}$")] | None = options.key(
        None, "A slash command that stands before all others: with /chat, `/chat reset` is /reset."
    )
    catch_up: bool = options.key(
        False, "After an outage, look through the history of the bot's channels and take in what is missing."
    )
    prompts: options.Listed[Prompt] = options.key(
        (), "Up to four suggestions for a new conversation with the assistant.", max_length=4
    )
    api_base: options.Url = options.key("https://slack.com/api", "Address of Slack's Web API: a proxy, for example.")

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Self:
        if self.bot_token is None and not self.workspaces:
            raise options.faults((("bot_token",), "is needed (or `workspaces`, with a token for each)"))
        if self.bot_token is not None and self.workspaces:
            raise options.faults((("workspaces",), "cannot stand beside bot_token: put that token into it"))
        if self.mode == "socket" and self.app_token is None:
            raise options.faults((("app_token",), "is needed with mode: socket (xapp-...)"))
        if self.mode == "http" and self.signing_secret is None:
            raise options.faults((("signing_secret",), "is needed with mode: http"))
        return self
