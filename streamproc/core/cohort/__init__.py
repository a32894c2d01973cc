"""Cohorts: sets of wallets chosen by a token, its largest holders or its first buyers."""
