"""The console: requests, results and live progress over HTTP; it reads Postgres and the topics, and never writes."""
