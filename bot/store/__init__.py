"""The database: engine, the one writer, transactions, queues and migrations. It knows no dialogue and no office."""
