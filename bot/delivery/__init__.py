"""The loops between the platforms and the database: receive, dispatch, send, work, tick."""
