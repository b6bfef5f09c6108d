"""Telegram bots, by long polling or by webhook.

Plain text messages and the calls that answer them are read and written here as JSON; every other kind of
update is parsed by aiogram's types, which are loaded when the first one comes.
"""

from adapters.telegram.adapter import Adapter

__all__ = ["Adapter"]
