"""The core of the chat gateway: sessions, order, durability, routing and delivery. No platform is named here."""
