"""The obvious way to what a page says: zlib, orjson and dicts, the definitions of an entry written down plainly."""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson

from streamproc.core.solana import (
    QUOTES,
    SOL_DUST_LAMPORTS,
    STABLE_DUST_UNITS,
    STABLES,
    TOKEN_ACCOUNT_RENTS,
    WSOL,
    is_rent,
)
from streamproc.core.tips import TIP_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable

GZIP_WINDOW: Final = zlib.MAX_WBITS | 16
BOTH_SIDES: Final = 2  # of a pool, of a route

Json = dict[str, Any]


def plain_page(body: bytes, wallet: str) -> list[Json]:
    """The entries of a compressed answer, as dicts with the fields of `Entry`."""
    answer = orjson.loads(zlib.decompress(body, GZIP_WINDOW))
    return [_entry(item, wallet) for item in answer["result"]["data"]]


def _entry(item: Json, wallet: str) -> Json:
    """One transaction as the wallet's books have it."""
    meta, message = item["meta"], item["transaction"]["message"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = message["accountKeys"] + loaded["writable"] + loaded["readonly"]
    is_payer, failed = keys[0] == wallet, meta["err"] is not None
    fee = meta["fee"] if is_payer else 0
    entry = {
        "signature": item["transaction"]["signatures"][0],
        "slot": item["slot"],
        "index": item["transactionIndex"],
        "time": item["blockTime"],
        "failed": failed,
        "estimated": False,
        "fee_payer": keys[0],
        "network_fee": fee,
        "sol_delta": -fee,
        "tips": 0,
        "rent": 0,
        "kind": "failed",
        "deltas": (),
        "routed_quote": None,
        "counterparty": None,
        "is_remainder": False,
        "is_mirrored": False,
        "moves": None,
    }
    if failed:
        return entry
    lamports = {
        key: after - before
        for key, before, after in zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    }
    return entry | _moved(lamports, _token_changes(keys, meta), wallet, entry, meta["fee"])


def _token_changes(keys: list[str], meta: Json) -> list[Json]:
    """Token accounts whose amount differs; an account that changed its mint moved both."""
    units: dict[tuple[int, str], int] = defaultdict(int)
    owners: dict[tuple[int, str], str] = {}
    for sign, rows in ((-1, meta["preTokenBalances"]), (1, meta["postTokenBalances"])):
        for row in rows or ():
            place = row["accountIndex"], row["mint"]
            units[place] += sign * int(row["uiTokenAmount"]["amount"])
            owners[place] = row.get("owner", "")
    return [
        {"account": keys[place[0]], "owner": owners[place], "mint": place[1], "units": moved}
        for place, moved in units.items()
        if moved
    ]


def _moved(
    lamports: dict[str, int], tokens: list[Json], wallet: str, entry: Json, fee: int
) -> Json:
    """Everything of an entry that depends on what moved."""
    own, foreign = _by_owner(tokens, wallet)
    is_payer = entry["fee_payer"] == wallet
    sol_delta = lamports.get(wallet, 0) + sum(lamports.get(account, 0) for account in own)
    tips = sum(max(0, lamports.get(tip, 0)) for tip in TIP_ACCOUNTS - {wallet}) if is_payer else 0
    if is_payer:
        rent = _paid_rent(lamports, own, foreign, wallet)
    else:
        rent = -sum(max(0, lamports.get(account, 0) - wsol) for account, wsol in own.items())
    seen = _Seen(tokens, wallet, sol_delta + entry["network_fee"] + tips + rent, is_payer=is_payer)
    kind = seen.kind()
    return {
        "sol_delta": sol_delta,
        "tips": tips,
        "rent": rent,
        "kind": kind,
        "deltas": tuple(sorted(seen.deltas.items())),
        "routed_quote": _routed(seen.pools) if kind == "token_swap" else None,
        "counterparty": _counterparty(lamports, tokens, wallet, seen, entry["fee_payer"], fee)
        if kind in {"transfer_in", "transfer_out"}
        else None,
    }


def _by_owner(tokens: list[Json], wallet: str) -> tuple[dict[str, int], dict[str, int]]:
    """Token accounts that changed, own and foreign, with their change of WSOL."""
    own: dict[str, int] = defaultdict(int)
    foreign: dict[str, int] = defaultdict(int)
    for change in tokens:
        side = own if change["owner"] == wallet else foreign
        side[change["account"]] += change["units"] if change["mint"] == WSOL else 0
    return own, foreign


def _paid_rent(
    lamports: dict[str, int], own: dict[str, int], foreign: dict[str, int], wallet: str
) -> int:
    """What a fee payer put into accounts of others, and into empty ones."""
    opened = (lamports.get(account, 0) - wsol for account, wsol in foreign.items())
    untouched = lamports.keys() - own.keys() - foreign.keys() - TIP_ACCOUNTS - {wallet}
    empty = (lamports[account] for account in untouched)
    return sum(each for each in opened if each > 0) + sum(
        each for each in empty if abs(each) in TOKEN_ACCOUNT_RENTS
    )


class _Seen:
    """What a kind is decided from."""

    def __init__(self, tokens: list[Json], wallet: str, trade_sol: int, *, is_payer: bool) -> None:
        self.trade_sol = trade_sol
        self.is_payer = is_payer
        deltas: dict[str, int] = defaultdict(int)
        self.supply: dict[str, int] = defaultdict(int)
        self.pools: dict[str, list[int]] = defaultdict(list)
        for change in tokens:
            mint, units = change["mint"], change["units"]
            self.supply[mint] += units
            if change["owner"] != wallet and mint in QUOTES:
                self.pools[mint].append(units)
            if change["owner"] == wallet and mint != WSOL:
                deltas[mint] += units
        self.deltas = {mint: units for mint, units in deltas.items() if units}
        legs = {
            mint: units
            for mint, units in self.deltas.items()
            if mint in STABLES and abs(units) >= STABLE_DUST_UNITS
        }
        if abs(trade_sol) >= SOL_DUST_LAMPORTS and not is_rent(-trade_sol):
            legs[WSOL] = trade_sol
        tokens_moved = {mint: each for mint, each in self.deltas.items() if mint not in QUOTES}
        self.tokens_in, self.tokens_out = _signs(tokens_moved)
        self.quotes_in, self.quotes_out = _signs(legs)

    def kind(self) -> str:
        """The first kind that fits."""
        into, out = self.tokens_in, self.tokens_out
        if not into and not out:
            return self._quotes_alone()
        has_quote = bool(self.quotes_in or self.quotes_out)
        pool_pays = any(units < 0 for changes in self.pools.values() for units in changes)
        burnt = [mint for mint in out if self.supply[mint] <= self.deltas[mint]]
        minted = [mint for mint in into if self.supply[mint] > 0]
        below_dust = self.trade_sol > 0 and self.is_payer
        kinds = (
            ("liquidity", self._is_liquidity(burnt, minted)),
            ("burn", out and not into and burnt == out and not pool_pays),
            ("token_swap", into and out),
            ("buy", into and self.quotes_out),
            ("sell", out and not into and (self.quotes_in or below_dust or pool_pays)),
            ("mint", not out and not has_quote and minted == into),
            ("transfer_in", not out and not has_quote),
            ("transfer_out", not into and not has_quote),
        )
        return next((name for name, holds in kinds if holds), "other")

    def _quotes_alone(self) -> str:
        into, out = self.quotes_in, self.quotes_out
        if len(into) == len(out) == 1 and WSOL in into + out:
            return "quote_swap"
        if len(into) + len(out) == 1:
            return "transfer_in" if into else "transfer_out"
        return "other"

    def _is_liquidity(self, burnt: list[str], minted: list[str]) -> bool:
        into, out = self.tokens_in, self.tokens_out
        sides_out, sides_in = len(out + self.quotes_out), len(into + self.quotes_in)
        if sides_out >= BOTH_SIDES and into and not self.quotes_in and minted == into and not burnt:
            return True
        if sides_in >= BOTH_SIDES and out and not self.quotes_out and burnt == out and not minted:
            return True
        if not self.is_payer:
            return False
        sums = {mint: sum(changes) for mint, changes in self.pools.items()}
        if out and self.quotes_out and not into and not self.quotes_in:
            return any(sums.get(mint, 0) > 0 for mint in self.quotes_out)
        if into and self.quotes_in and not out and not self.quotes_out:
            return any(sums.get(mint, 0) < 0 for mint in self.quotes_in)
        return False


def _signs(changes: dict[str, int]) -> tuple[list[str], list[str]]:
    """What came, and what went."""
    return [m for m, each in changes.items() if each > 0], [
        m for m, each in changes.items() if each < 0
    ]


def _routed(pools: dict[str, list[int]]) -> tuple[str, int] | None:
    """The one quote that left one foreign account and reached another, at most 1 % apart."""
    found = []
    for mint, changes in pools.items():
        if len(changes) == BOTH_SIDES and min(changes) < 0 < max(changes):
            small, large = sorted(map(abs, changes))
            if (large - small) * 100 <= large:
                found.append((mint, small))
    return found[0] if len(found) == 1 else None


def _counterparty(  # noqa: PLR0917 - the whole transaction
    lamports: dict[str, int], tokens: list[Json], wallet: str, seen: _Seen, payer: str, fee: int
) -> str | None:
    """Who moved the opposite way most; ties go to the smaller address."""
    moves: Iterable[tuple[str, int]]
    if seen.deltas:
        mint = min(seen.deltas)
        moves = [(c["owner"] or c["account"], c["units"]) for c in tokens if c["mint"] == mint]
        gain = bool(seen.tokens_in or seen.quotes_in)
    else:
        owners = {change["account"]: change["owner"] for change in tokens if change["owner"]}
        others = ((a, each) for a, each in lamports.items() if a not in TIP_ACCOUNTS)
        moves = [(payer, fee), *((owners.get(a, a), each) for a, each in others)]
        gain = bool(seen.quotes_in)
    sums: dict[str, int] = defaultdict(int)
    for who, units in moves:
        sums[who] += units
    opposite = [
        (units if gain else -units, who)
        for who, units in sums.items()
        if who != wallet and (units < 0 if gain else units > 0)
    ]
    return min(opposite)[1] if opposite else None
