"""The join's state, its fold, and what is to be said about it."""
