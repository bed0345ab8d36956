"""The messaging platforms; the only place that knows one from another."""
