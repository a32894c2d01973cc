"""How cohorts are asked for: a mint, its accounts from the largest down, its history from the beginning."""
