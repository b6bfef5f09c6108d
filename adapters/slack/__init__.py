"""Slack apps, by Socket Mode or by HTTP events.

What is said most, `chat.postMessage` and its kin, is written and read here as JSON. Rarer methods go through
slack_sdk's client, which is loaded when the first of them is asked. Socket Mode is read here too: the SDK's client
closes the old connection before it opens the new one, and has no word for "not yet on disk".
"""

from adapters.slack.adapter import Adapter

__all__ = ["Adapter"]
