"""Notices to many: what residents follow, what is sent, who agreed to it, and what became of each message."""
