"""Residents and officials: addresses, consent, roles, invitations."""
