"""What several agents need: handlers, kept outputs, cancellation, the clock, the process pool."""
