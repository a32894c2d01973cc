"""A stand-in, on loopback, for the services that streamproc asks: Helius' JSON-RPC and enhanced API, DexScreener.

It serves a generated world whose truth it knows, or recorded transactions, counts what it is asked and goes wrong on
demand. It uses nothing of `streamproc.core`, so that what it says is true can be compared with what that computes.

| room | what is in it, in reading order |
|---|---|
| `chain/` | `known`, `rents`, `tip_accounts`: constants; `addresses`; `chain`: balances and transactions; `draft` and `keys`: a transaction in the making; `intent`: what it meant; `doubt`: what the enhanced form leaves open; `market`: mints, prices and pools |
| `actions/` | `scene`: the cast; `settling`: what a trade is stated to be; single actions: `trades`, `swaps`, `liquidity`, `positions`, `orders`, `detours`, `companions`, `moves`, `pockets`; `labels`: what the API calls them |
| `world/` | all actions by name: `repertoire`, `edges`, `commitments`, `ventures`, `only_raw`, `chores`; `habits`, `story`: who does what when; `world`: `World` |
| `truth/` | `lots`, `rates`, `pnl`: profit and loss; `unread`; `statistics`, `scores`: balances and similarity |
| `wire/` | `raw_form`, `enhanced_form`; `archive`: what is served of a world; `generated_archive`, `recorded_archive`, `recorded_form` |
| `service/` | `server` (`serve`), `command` (`run_sandbox`), `calls`: the way of a call; `rest`, `faults`, `damage`, `refusals`, `replies`, `versions`, `counters`, `admin`; `rpc/`: JSON-RPC methods and their pages |

A room uses only rooms above it in this table.
"""  # noqa: E501 - a table's rows are lines
