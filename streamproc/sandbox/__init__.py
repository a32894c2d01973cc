"""A stand-in, on loopback, for the services that streamproc asks: Helius' JSON-RPC and enhanced API, DexScreener.

It serves a generated world whose truth it knows, or recorded transactions, counts what it is asked and goes wrong on
demand. It uses nothing of `streamproc.core`, so that what it says is true can be compared with what that computes.

| part | files, in reading order |
|---|---|
| use it | `server.py` (`serve`), `command.py` (`run_sandbox`), `world.py` (`World`) |
| the world | `known.py` constants, `addresses.py`, `chain.py` balances and transactions, `draft.py` a transaction in the making, `market.py` mints, prices and pools |
| its life | `scene.py` the cast, `settling.py` what a trade is stated to be, `trades.py`, `swaps.py`, `liquidity.py`, `moves.py` single actions, `labels.py` what the API calls them, `repertoire.py` and `chores.py` all actions by name, `habits.py`, `story.py` who does what when |
| its truth | `intent.py` what each action meant, `lots.py` and `truth.py` PnL, `statistics.py`, `true_scores.py` balances and similarity |
| wire forms | `raw_form.py`, `enhanced_form.py` |
| recorded worlds | `recorded.py`, `recorded_form.py` |
| the server | `archive.py` what it serves, `world_archive.py`, `calls.py` the way of a call, `rpc.py` the methods, `rpc_call.py`, `rpc_history.py`, `rpc_accounts.py`, `paging.py`, `versions.py`, `refusals.py`, `rest.py`, `faults.py`, `damage.py`, `counters.py`, `admin.py` |
"""  # noqa: E501 - a table's rows are lines
