"""The agents: each a plain async generator that takes one event and yields events; they meet on topics only.

`requests` -> `sync` and `balances` -> `join` -> `similarity`; `app.py` shows who consumes what.
"""
