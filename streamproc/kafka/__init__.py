"""The brokers, outside the engine: access, topics as they are, and record batches read within bounds."""
