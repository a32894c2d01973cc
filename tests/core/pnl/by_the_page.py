"""What one transaction did to a wallet, read naively and apart: the rules once more, with tables of their own.

Slow, and of one raw transaction at a time; orders are left out. Nothing of the core's rules or constants is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

WSOL: Final = "So11111111111111111111111111111111111111112"
STABLES: Final = {
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo",
    "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH",
    "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA",
    "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB",
}
QUOTES: Final = STABLES | {WSOL}
RATES: Final = (6_960, 6_333, 5_080)
TOKEN_RENTS: Final = {(128 + size) * rate for size in (165, 170, 175, 182) for rate in RATES}


class Row(NamedTuple):
    """A token account's change."""

    account: str
    owner: str
    mint: str
    units: int
    decimals: int


class Read(NamedTuple):
    """What the rules make of it."""

    kind: str
    network_fee: int
    tips: int
    rent: int
    deltas: dict[str, int]


def is_rent(lamports: int) -> bool:
    """Whether one account of some size keeps so much."""
    return 0 < lamports <= 10_000_000 and any(
        lamports % rate == 0 and lamports // rate >= 128 for rate in RATES
    )


@dataclass
class Seen:
    """One transaction that did not fail, as one wallet sees it."""

    wallet: str
    payer: str
    fee: int
    tip_accounts: frozenset[str]
    lamports: dict[str, int]
    rows: list[Row]
    trade: int = 0
    legs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pays = self.wallet == self.payer
        self.own = {self.wallet} | {row.account for row in self.rows if row.owner == self.wallet}
        self.changed = {row.account for row in self.rows if row.units}
        self.foreign = [row for row in self.rows if row.owner != self.wallet and row.units]
        sums: dict[str, int] = {}
        for row in self.rows:
            if row.owner == self.wallet and row.mint != WSOL:
                sums[row.mint] = sums.get(row.mint, 0) + row.units
        self.deltas = {mint: units for mint, units in sums.items() if units}
        tokens = {mint: units for mint, units in self.deltas.items() if mint not in QUOTES}
        self.tokens_in = [mint for mint, units in tokens.items() if units > 0]
        self.tokens_out = [mint for mint, units in tokens.items() if units < 0]

    def opened(self) -> dict[str, int]:
        """Token accounts whose amount changed, and what they were opened with beyond their WSOL."""
        wsol: dict[str, int] = {}
        for row in self.rows:
            if row.mint == WSOL:
                wsol[row.account] = wsol.get(row.account, 0) + row.units
        found = {key: self.lamports.get(key, 0) - wsol.get(key, 0) for key in self.changed}
        return {key: lamports for key, lamports in found.items() if lamports > 0}

    def owner(self, account: str) -> str:
        """Whose a token account is."""
        return next((row.owner for row in self.rows if row.account == account), "")

    def who_paid(self, account: str, lamports: int) -> str:
        """Who paid for an account that was opened."""
        owner = self.owner(account)
        tips = sum(max(0, self.lamports.get(each, 0)) for each in self.tip_accounts)
        lost = -self.lamports.get(self.payer, 0) - self.fee - tips
        of_others = sum(n for key, n in self.opened().items() if self.owner(key) != self.payer)
        empty = sum(
            max(0, self.lamports.get(row.account, 0))
            for row in self.rows
            if not row.units and row.owner != self.payer
        )
        gave_all = lost > 0 and lost in {of_others, of_others + empty}
        return owner if not gave_all and -self.lamports.get(owner, 0) >= lamports else self.payer

    def rent(self) -> int:
        """What W paid for others or tied up, less what others paid for W or what was set free."""
        total = 0
        for account, lamports in self.opened().items():
            is_mine, i_paid = account in self.own, self.who_paid(account, lamports) == self.wallet
            total += lamports * (i_paid and not is_mine) - lamports * (is_mine and not i_paid)
        for account in self.own - {self.wallet} - self.changed:
            lamports = self.lamports.get(account, 0)
            if lamports < 0 or self.who_paid(account, lamports) == self.wallet:
                total += lamports
        return total + (self._by_size() if self.pays else 0)

    def _by_size(self) -> int:
        """What accounts moved that move like a token account, and that no owner is named for who paid."""
        named: set[str] = set()
        for row in self.rows:
            mine, its = self.lamports.get(row.owner, 0), self.lamports.get(row.account, 0)
            if (
                row.owner != self.wallet
                and not row.units
                and mine * its < 0
                and abs(mine) >= abs(its)
            ):
                named |= {row.account, row.owner}
        apart = self.own | self.changed | self.tip_accounts | named
        return sum(
            lamports
            for account, lamports in self.lamports.items()
            if abs(lamports) in TOKEN_RENTS and account not in apart
        )

    def moved(self, mint: str) -> list[int]:
        """What foreign accounts gained or lost of a mint."""
        return [row.units for row in self.foreign if row.mint == mint]

    def supply(self, mint: str) -> int:
        """What was minted or burnt."""
        return sum(row.units for row in self.rows if row.mint == mint)

    def is_destroyed(self) -> bool:
        """Whether all tokens that leave are destroyed, by half at least."""
        return all(2 * self.supply(mint) <= self.deltas[mint] for mint in self.tokens_out)

    def pool_pays(self) -> bool:
        """Whether a foreign account of a quote loses units."""
        return any(row.units < 0 and row.mint in QUOTES for row in self.foreign)

    def went_round(self, mint: str) -> bool:
        """Whether a mint went into foreign accounts and out of others, ten times what W gained or lost."""
        own = abs(self.trade if mint == WSOL else self.deltas.get(mint, 0))
        into = sum(units for units in self.moved(mint) if units > 0)
        out = -sum(units for units in self.moved(mint) if units < 0)
        return min(into, out) > 0 and min(into, out) >= 10 * own

    def small_cost(self) -> int:
        """SOL beside a stable that got the transaction through."""
        stables = [mint for mint in self.legs if mint != WSOL]
        sol = self.legs.get(WSOL, 0)
        if not stables or not -1_000_000 <= sol < 0 or -sol in self.moved(WSOL):
            return 0
        is_cost = (
            self.tokens_in
            or self.tokens_out
            or any(self.legs[mint] < 0 or self.went_round(mint) for mint in stables)
        )
        return -sol if is_cost else 0

    def is_forwarded(self) -> bool:
        """Whether most of what a pool paid for W's tokens went to somebody else."""
        found = 0
        for quote in QUOTES:
            ends = [row for row in self.foreign if row.mint == quote]
            share = self.trade if quote == WSOL else self.deltas.get(quote, 0)
            others = {mint: units for mint, units in self.legs.items() if mint != quote}
            taken = others.pop(WSOL, 0)
            if len(ends) != 2 or others or not -20_000_000 <= taken <= 0:
                continue
            paid, got = sorted(ends, key=lambda row: row.units)
            gives = any(row.units < 0 and row.owner == got.owner for row in self.foreign)
            found += (
                paid.units < 0 < got.units
                and 0 <= 2 * share < -paid.units
                and got.owner not in {"", paid.owner}
                and not gives
            )
        return found == 1

    def is_liquidity(self) -> bool:
        """Whether assets went against a receipt, a position, or one way into a pool; or the reverse."""
        quotes_in = [mint for mint, units in self.legs.items() if units > 0]
        quotes_out = [mint for mint, units in self.legs.items() if units < 0]
        coming, going = self.tokens_in + quotes_in, self.tokens_out + quotes_out
        are_minted = any(self.supply(mint) > 0 for mint in self.tokens_in)
        all_minted = all(self.supply(mint) > 0 for mint in self.tokens_in)
        is_burnt = any(2 * self.supply(mint) <= self.deltas[mint] for mint in self.tokens_out)
        if len(going) > 1 and self.tokens_in and not quotes_in and all_minted and not is_burnt:
            return True
        is_given = self.tokens_out and not quotes_out and self.is_destroyed()
        if len(coming) > 1 and is_given and not are_minted:
            return True
        if self.pays and self.tokens_out and quotes_out and not coming:
            return any(sum(self.moved(mint)) > 0 for mint in quotes_out)
        if self.pays and self.tokens_in and quotes_in and not going:
            return any(sum(self.moved(mint)) < 0 for mint in quotes_in)
        return self._is_position(coming, going, 1) or self._is_position(going, coming, -1)

    def _is_position(self, alone: list[str], against: list[str], made: int) -> bool:
        """Whether one side is a position that was made (or burnt) for the other one's assets."""
        if len(alone) != 1 or alone[0] in QUOTES or not against:
            return False
        decimals = next(row.decimals for row in self.rows if row.mint == alone[0])
        is_one = self.supply(alone[0]) == made and decimals == 0
        return is_one and any(units * made > 0 for mint in against for units in self.moved(mint))

    def is_redeemed(self) -> bool:
        """Whether a reserve pays for what is destroyed."""
        paid = self.legs.get(WSOL, 0)
        if paid <= 0 or is_rent(paid) or self.pool_pays() or not self.is_destroyed():
            return False
        apart = self.changed | {self.wallet, self.payer}
        lost = [n for key, n in self.lamports.items() if n < 0 and key not in apart]
        return -2 * sum(n for n in lost if not is_rent(-n)) >= paid

    def kind(self) -> str:
        """The first kind that holds."""
        if not self.deltas and not self.legs:
            return "other"
        if self.tokens_in:
            return self._with_tokens_in()
        return self._with_tokens_out() if self.tokens_out else self._with_quotes_alone()

    def _with_tokens_in(self) -> str:
        if self.is_liquidity():
            return "liquidity"
        if self.tokens_out:
            return "token_swap"
        if any(units < 0 for units in self.legs.values()):
            return "buy"
        if self.legs:
            return "other"
        return "mint" if all(self.supply(mint) > 0 for mint in self.tokens_in) else "transfer_in"

    def _with_tokens_out(self) -> str:
        if self.pays and self.is_forwarded():
            return "sell"
        if self.is_liquidity():
            return "liquidity"
        if self.is_redeemed():
            return "sell"
        if self.is_destroyed() and not self.pool_pays():
            return "burn"
        is_paid = any(units > 0 for units in self.legs.values()) or self.pool_pays()
        if is_paid or (self.pays and self.trade > 0):
            return "sell"
        return "other" if self.legs else "transfer_out"

    def _with_quotes_alone(self) -> str:
        signs = sorted(units > 0 for units in self.legs.values())
        if signs == [False, True] and WSOL in self.legs:
            return "quote_swap"
        others = {row.mint for row in self.foreign} - self.legs.keys()
        is_round = self.legs and all(map(self.went_round, self.legs))
        if self.pays and is_round and any(map(self.went_round, others)):
            return "round_trip"
        if len(signs) != 1:
            return "other"
        return "transfer_in" if signs[0] else "transfer_out"


def read(item: Json, wallet: str, tip_accounts: frozenset[str]) -> Read:
    """The transaction in raw form, as the wallet sees it."""
    message, meta = item["transaction"]["message"], item["meta"]
    loaded = meta.get("loadedAddresses") or {}
    keys = [*message["accountKeys"], *loaded.get("writable", []), *loaded.get("readonly", [])]
    pays = keys[0] == wallet
    if meta["err"] is not None:
        return Read("failed", meta["fee"] * pays, 0, 0, {})
    balances = zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    lamports = {key: after - before for key, before, after in balances}
    rows = rows_of(meta, keys, lamports)
    seen = Seen(wallet, keys[0], meta["fee"], tip_accounts, lamports, rows)
    fee, rent = meta["fee"] * pays, seen.rent()
    tips = sum(max(0, lamports.get(each, 0)) for each in tip_accounts - {wallet}) * pays
    own = (seen.own & seen.changed) | {wallet}
    seen.trade = sum(lamports.get(key, 0) for key in own) + fee + tips + rent
    seen.legs = {mint: n for mint, n in seen.deltas.items() if mint in STABLES and abs(n) >= 10_000}
    is_price = not is_rent(-seen.trade) or -seen.trade in seen.moved(WSOL)
    if abs(seen.trade) >= 10_000 and is_price:
        seen.legs[WSOL] = seen.trade
    if small := seen.small_cost():
        tips += small
        del seen.legs[WSOL]
    return Read(seen.kind(), fee, tips, rent, seen.deltas)


def rows_of(meta: Json, keys: list[str], lamports: dict[str, int]) -> list[Row]:
    """What token accounts gained; one that changes hands is two, and `lamports` learns of the old owner's."""
    sides = [
        {each["accountIndex"]: each for each in meta.get(name) or ()}
        for name in ("preTokenBalances", "postTokenBalances")
    ]
    rows = []
    for index in sorted(sides[0].keys() | sides[1].keys()):
        account, both = keys[index], [side.get(index) for side in sides]
        owners = {each.get("owner", "") for each in both if each} - {""}
        is_handed = len(owners) > 1
        for sign, said in zip((-1, 1), both, strict=True):
            if said is None:
                continue
            amount = said["uiTokenAmount"]
            units, owner = sign * int(amount["amount"]), said.get("owner", "")
            name = account
            if is_handed and sign < 0:
                name = f"{account} before"
                if said["mint"] == WSOL:
                    lamports[name] = units
                    lamports[account] -= units
            elif not is_handed:
                owner = next(iter(owners), "")
            rows.append(Row(name, owner, said["mint"], units, amount["decimals"]))
    return _summed(rows)


def _summed(rows: list[Row]) -> list[Row]:
    """One row for each account, owner and mint."""
    sums: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = row.account, row.owner, row.mint
        units = row.units + (sums[key].units if key in sums else 0)
        sums[key] = row._replace(units=units)
    return list(sums.values())
