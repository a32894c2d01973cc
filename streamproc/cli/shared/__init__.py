"""What commands do: settings, records on Kafka, requests, checks, and what they start."""
