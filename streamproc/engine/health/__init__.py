"""Whether a worker lives and moves: watchdog, readiness, gauges, bounded logs and memory."""
