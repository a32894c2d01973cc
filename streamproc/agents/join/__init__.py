"""The join agent: the fold of `core.join` on Kafka's records, its ends, and requests that it must open again."""
