"""Delivery: what was read, what is finished, what may be committed, and the one producer."""
