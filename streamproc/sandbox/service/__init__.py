"""The server: the way of a call, its routes, its faults and what it counts."""
