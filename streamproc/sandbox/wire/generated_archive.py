"""A generated world as the server sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.wire.archive import (
    AccountState,
    Asset,
    Index,
    MintState,
    Record,
    TokenState,
)
from streamproc.sandbox.wire.enhanced_form import enhanced_form
from streamproc.sandbox.wire.holdings import Crowd, ListedHoldings
from streamproc.sandbox.wire.raw_form import raw_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.sandbox.chain.market import Coin
    from streamproc.sandbox.wire.archive import Holdings
    from streamproc.sandbox.world.world import World

TIP_DISTANCE_SLOTS: Final = 150  # the chain goes on after the last transaction of interest
DEEP_LIQUIDITY_USD: Final = 1_250_000.5
SHALLOW_LIQUIDITY_USD: Final = 310.25
QUOTE_SYMBOLS: Final = {known.WSOL: "SOL", **known.STABLE_SYMBOLS}
COINS_SHOWN: Final = 10  # the most popular ones
UNNAMED_EVERY: Final = 11  # of coins the asset service knows nothing


class WorldArchive:
    """Serves a generated world; see `Archive` for what each call returns."""

    def __init__(self, world: World, *, crowd: int = 0) -> None:
        """Beside the world's coins there is a mint with so many holders, unless 0: see `Crowd`."""
        self.world = world
        self.crowd = Crowd(world.chain.book, crowd) if crowd else None
        self._chain = world.chain
        self._index = _indexed(world)

    @property
    def tip_slot(self) -> int:
        """The newest slot there is."""
        return self.world.last_slot + TIP_DISTANCE_SLOTS

    def history(self, address: str, token_accounts: str) -> Sequence[Record]:
        """Return an address's transactions, oldest first."""
        return self._index.history(address, token_accounts)

    def find(self, signature: str) -> Record | None:
        """Return the transaction with this signature."""
        return self._index.by_signature.get(signature)

    def raw(self, record: Record) -> bytes | None:
        """Return it as JSON-RPC shows it."""
        return orjson.dumps(raw_form(self.world.transactions[record.number], self._chain))

    def enhanced(self, record: Record) -> bytes:
        """Return it as the enhanced API shows it."""
        return orjson.dumps(enhanced_form(self.world.transactions[record.number], self._chain))

    def account(self, address: str) -> AccountState | None:
        """Return an account now."""
        if address in known.PROGRAMS:
            return AccountState(1, known.BPF_LOADER, 36, executable=True)
        if self.crowd is not None and address == self.crowd.program_account:
            return AccountState(_old_rent(known.MINT_BYTES), known.PUMP_AMM, known.MINT_BYTES)
        lamports = self._chain.lamports.get(address, 0)
        token_account = self._chain.token_accounts.get(address)
        if token_account is not None:
            program = self._chain.programs[token_account.mint]
            size = self._chain.account_bytes[token_account.mint]
            return AccountState(lamports or _old_rent(size), program, size)
        if (mint := self.mint(address)) is not None:
            return AccountState(_old_rent(known.MINT_BYTES), mint.program, known.MINT_BYTES)
        return AccountState(lamports, known.SYSTEM) if lamports else None

    def token_accounts(self, owner: str, program: str) -> Sequence[TokenState]:
        """Return the token accounts of an owner under one token program."""
        if owner == self.world.oversized:
            self.world.open_oversized_accounts()
        chain = self._chain
        return [
            self._token_state(address)
            for address in chain.owned.get(owner, ())
            if chain.programs[chain.token_accounts[address].mint] == program
        ]

    def _token_state(self, address: str) -> TokenState:
        chain = self._chain
        state = chain.token_accounts[address]
        return TokenState(
            address=address,
            mint=state.mint,
            owner=state.owner,
            program=chain.programs[state.mint],
            amount=state.amount,
            decimals=chain.decimals[state.mint],
            lamports=chain.lamports.get(address, _old_rent(known.TOKEN_ACCOUNT_BYTES)),
            frozen=state.frozen,
        )

    def token_account(self, address: str) -> TokenState | None:
        """Return the token account at this address."""
        return self._token_state(address) if address in self._chain.token_accounts else None

    def mint(self, address: str) -> MintState | None:
        """Return the mint at this address."""
        if self.crowd is not None and address == self.crowd.mint:
            return self.crowd.state_of_mint()
        chain = self._chain
        if address not in chain.programs:
            return None
        coin = self.world.market.by_mint.get(address)
        supply = coin.supply if coin else sum(each.amount for each in self._accounts_of(address))
        return MintState(chain.programs[address], chain.decimals[address], supply)

    def holdings(self, mint: str) -> Holdings:
        """Return the token accounts of a mint."""
        if self.crowd is not None and mint == self.crowd.mint:
            return self.crowd
        return ListedHoldings(self._accounts_of(mint))

    def _accounts_of(self, mint: str) -> list[TokenState]:
        states = self._chain.token_accounts.items()
        return [self._token_state(address) for address, each in states if each.mint == mint]

    def asset(self, mint: str) -> Asset | None:
        """Return what is known of a mint; of some coins nothing is."""
        if mint in QUOTE_SYMBOLS:
            symbol = QUOTE_SYMBOLS[mint]
            chain = self._chain
            return Asset(mint, symbol, symbol, chain.decimals[mint], 0, chain.programs[mint])
        coin = self.world.market.by_mint.get(mint)
        if coin is None or self.world.market.coins.index(coin) % UNNAMED_EVERY == UNNAMED_EVERY - 1:
            return None
        image = f"https://images.example/{mint}.png"
        return Asset(mint, coin.symbol, coin.name, coin.decimals, coin.supply, coin.program, image)

    def pairs(self, mint: str) -> Sequence[Mapping[str, object]]:
        """Return a mint's pairs: the deep one last, before it a shallow one and one where it is only the quote."""
        if mint in QUOTE_SYMBOLS:
            price = self.world.prices_usd[mint]
            return [_pair(mint, QUOTE_SYMBOLS[mint], known.USDC, price, DEEP_LIQUIDITY_USD)]
        coin = self.world.market.by_mint.get(mint)
        if coin is None or coin.usd is None:
            return []
        return [
            _pair(mint, coin.symbol, known.WSOL, _shifted(coin), SHALLOW_LIQUIDITY_USD),
            _pair(self.world.never_funded, "ODD", mint, "0.123", 10 * DEEP_LIQUIDITY_USD),
            _pair(mint, coin.symbol, known.WSOL, coin.usd, DEEP_LIQUIDITY_USD),
        ]

    def about(self) -> Mapping[str, object]:
        """Return who lives here."""
        world = self.world
        return {
            "kind": "generated",
            "seed": world.seed,
            "transactions": len(world.transactions),
            "tip_slot": self.tip_slot,
            "never_funded": world.never_funded,
            "program": world.program,
            "token_account": world.token_account,
            "oversized": world.oversized,
            "coins": [coin.mint for coin in world.market.coins[:COINS_SHOWN]],
            "crowd": self.crowd.mint if self.crowd else None,
            "wallets": [
                {
                    "address": wallet.address,
                    "name": wallet.name,
                    "habit": wallet.habit,
                    "group": wallet.group,
                    "leader": wallet.leader,
                    "funder": wallet.funder,
                    "transactions": len(world.entries(wallet.address)),
                }
                for wallet in world.wallets
            ],
        }


def _indexed(world: World) -> Index:
    """Return all transactions by the addresses that they name, change or touch."""
    index = Index()
    for number, transaction in enumerate(world.transactions):
        place = transaction.place
        record = Record(
            number,
            place.signature,
            place.slot,
            place.index,
            place.time,
            failed=transaction.failed,
            version=transaction.version,
        )
        touched = {owner for row in transaction.rows for owner in row.owners}
        changed = {o for row in transaction.rows for o in row.owners if row.concerns(o)}
        mints = {row.mint for row in transaction.rows}  # that is opened or moved names its mint
        index.add(record, {*transaction.keys, *mints}, changed, touched)
    return index


def _old_rent(size: int) -> int:
    """Return what an account from before the world began keeps."""
    return rents.rent(size, rents.OLDEST_RATE)


def _shifted(coin: Coin) -> str:
    """Return a wrong price, as shallow pools have them."""
    return f"{float(coin.usd or 0) * 1.7:.12f}"


def _pair(
    base: str, symbol: str, quote: str, price_usd: str, liquidity_usd: float
) -> dict[str, object]:
    return {
        "chainId": "solana",
        "dexId": "raydium",
        "url": f"https://dexscreener.example/solana/{base}",
        "pairAddress": base[::-1],
        "baseToken": {"address": base, "name": symbol, "symbol": symbol},
        "quoteToken": {
            "address": quote,
            "name": QUOTE_SYMBOLS.get(quote, ""),
            "symbol": QUOTE_SYMBOLS.get(quote, ""),
        },
        "priceNative": price_usd,
        "priceUsd": price_usd,
        "txns": {"h24": {"buys": 120, "sells": 87}},
        "volume": {"h24": 51_234.5},
        "priceChange": {"h24": -3.2},
        "liquidity": {"usd": liquidity_usd, "base": 1_000.0, "quote": 10.0},
        "fdv": 1_000_000,
        "marketCap": 900_000,
        "pairCreatedAt": 1_740_000_000_000,
    }
