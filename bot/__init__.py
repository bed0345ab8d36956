"""Huiyin: a chat-bot with which a local office answers every message of its residents."""
