"""The web chat: one page over a WebSocket, a resident's side and an office's side on one origin."""
