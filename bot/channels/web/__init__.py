"""The web chat: one page over WebSocket, with a residents' side and an office's side that never mix."""
