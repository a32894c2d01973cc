"""The join agent: the fold of `core.join.state` on Kafka's records, its ends, and requests that it must open again."""
