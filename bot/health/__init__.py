"""How the machine stands: one report, and who is shown it. It holds no word, name or chat id."""
