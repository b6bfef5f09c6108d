"""What an operator may say of a web channel."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from adapters.web.origins import Origin
from gateway.options import DoorOptions, DurationOrNever, Listed, PageOptions, Secret, key


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 32:
        raise ValueError("needs 32 characters or more")
    return secret


Starter = Annotated[str, Field(min_length=1, max_length=200)]


class Options(PageOptions, DoorOptions):
    """Options of a channel with `platform: web`."""

    origins: Listed[Origin] = key(
        (), "Sites that may embed the chat, as https://example.org or https://*.example.org; its own always may."
    )
    token_ttl: DurationOrNever = key("7d", "How long an unused conversation of an anonymous visitor can be reopened.")
    remember_visitors: bool = key(
        False, "Whether what bots keep about an anonymous visitor outlives a reset of the conversation."
    )
    identity_secret: Annotated[Secret, AfterValidator(_long)] | None = key(
        None, "Shared with the embedding site, which signs its users with it (JWT, HS256): 32 characters or more."
    )
    title: str = key("Chat", "The name over the conversation.", min_length=1, max_length=80)
    colour: str = key("#4f46e5", "The accent, as #rrggbb.", pattern="^#[0-9a-fA-F]{6}$")
    position: Literal["right", "left"] = key("right", "Where the widget's button stands.")
    ratings: bool = key(True, "Whether thumbs stand below each answer.")
    welcome: str = key("", "Markdown, shown over an empty conversation.", max_length=4000)
    starters: Listed[Starter] = key((), "First questions to choose from.", max_length=8)
