"""Twilio: WhatsApp, SMS and Messenger senders, and Twilio's group conversations.

Calls go over the gateway's own client and are read as small shapes; Twilio's SDK is loaded when a channel is made,
and only its signatures are used.
"""

from adapters.twilio.adapter import Adapter

__all__ = ["Adapter"]
