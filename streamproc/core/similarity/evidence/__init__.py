"""One question about a pair in each module: overlap beyond chance, timing, direction, links, certainty."""
