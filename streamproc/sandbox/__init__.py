"""A stand-in, on loopback, for the services that streamproc asks: Helius' JSON-RPC and enhanced API, DexScreener.

It serves a generated world whose truth it knows, or recorded transactions, counts what it is asked and goes wrong on
demand. It uses nothing of `streamproc.core`, so that what it says is true can be compared with what that computes.

| part | files, in reading order |
|---|---|
| use it | `server.py` (`serve`), `command.py` (`run_sandbox`), `world.py` (`World`) |
| the world | `known.py`, `rents.py`, `tip_accounts.py` constants, `addresses.py`, `chain.py` balances and transactions, `draft.py` and `keys.py` a transaction in the making, `market.py` mints, prices and pools |
| its life | `scene.py` the cast, `settling.py` what a trade is stated to be; single actions: `trades.py`, `swaps.py`, `liquidity.py`, `positions.py`, `orders.py`, `detours.py`, `companions.py`, `moves.py`, `pockets.py`; `labels.py` what the API calls them; all actions by name: `repertoire.py`, `edges.py`, `commitments.py`, `ventures.py`, `only_raw.py`, `chores.py`; `habits.py`, `story.py` who does what when |
| its truth | `intent.py` what each action meant, `doubt.py` what the enhanced form leaves open, `lots.py`, `true_rates.py` and `truth.py` PnL, `statistics.py`, `true_scores.py` balances and similarity |
| wire forms | `raw_form.py`, `enhanced_form.py` |
| recorded worlds | `recorded.py`, `recorded_form.py` |
| the server | `archive.py` what it serves, `world_archive.py`, `calls.py` the way of a call, `rpc.py` the methods, `rpc_call.py`, `rpc_history.py`, `rpc_accounts.py`, `paging.py`, `versions.py`, `refusals.py`, `rest.py`, `faults.py`, `damage.py`, `counters.py`, `admin.py` |
"""  # noqa: E501 - a table's rows are lines
