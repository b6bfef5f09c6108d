"""WhatsApp by Meta's Cloud API: webhooks in, the Graph API out. No SDK is used."""

from adapters.whatsapp.adapter import Adapter

__all__ = ["Adapter"]
