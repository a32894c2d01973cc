"""The market of a generated world: mints with Zipf popularity, prices that move, and the venues that trade them."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import FIRST_TIME

if TYPE_CHECKING:
    from streamproc.sandbox.chain.chain import Chain

DAYS: Final = 120  # a world's length
STEP_S: Final = 6 * 3600  # prices are drawn at this distance and interpolated between
STEPS: Final = DAYS * 86_400 // STEP_S + 2
END_TIME: Final = FIRST_TIME + DAYS * 86_400
ZIPF_EXPONENT: Final = 0.9
SOL_PRICE_USD: Final = 150.0
POOL_LAMPORTS: Final = 2_000_000 * known.LAMPORTS_PER_SOL
POOL_STABLE_UNITS: Final = 300_000_000 * 10**6
TRADE_SHARE: Final = 0.02  # at most, of what a venue holds, goes out in one trade
DECIMALS: Final = (6, 6, 6, 9, 6, 0, 9, 6, 18, 6, 5, 8)
TOKEN_2022_EVERY: Final = 5
STABLE_POOL_EVERY: Final = 3
UNPRICED_EVERY: Final = 7
TRANSFER_FEE: Final = 300  # of ten thousand units
LARGE_ACCOUNT_BYTES: Final = 182  # of a token account with several extensions
NEWEST: Final = 12  # coins that count as the newest
WORDS: Final = (
    "Moon",
    "Cat",
    "Dog",
    "Frog",
    "Turbo",
    "Laser",
    "Pixel",
    "Mango",
    "Comet",
    "Ghost",
    "Robo",
    "Panda",
)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of one token against one quote: its owner and its two token accounts."""

    owner: str
    token_vault: str
    quote_vault: str
    quote: str


@dataclass(slots=True)
class Coin:
    """A mint of the market; `prices` are lamports per base unit, one per step."""

    mint: str
    symbol: str
    name: str
    decimals: int
    program: str
    supply: int
    popularity: float
    born: int
    prices: list[float]
    curve: str
    curve_vault: str
    pool: Pool
    stable_pool: Pool | None
    usd: str | None  # price at the world's end, as a price service says it

    def price(self, time_s: float) -> float:
        """Return lamports per base unit at this time."""
        return interpolated(self.prices, time_s)

    def units_for(self, lamports: int, time_s: float) -> int:
        """Return how many base units this many lamports are worth, at least 1."""
        return max(1, int(lamports / self.price(time_s)))


def _add_stable(chain: Chain, stable: str) -> None:
    if stable in known.STABLES_OF_TOKEN_2022:
        chain.add_mint(stable, 6, known.TOKEN_2022, LARGE_ACCOUNT_BYTES)
    else:
        chain.add_mint(stable, 6)


def interpolated(series: list[float], time_s: float) -> float:
    """Return the series' value at this time, between its two nearest steps."""
    position = min(max((time_s - FIRST_TIME) / STEP_S, 0.0), STEPS - 2.0)
    before = int(position)
    share = position - before
    return series[before] * (1 - share) + series[before + 1] * share


def walk(rng: random.Random, start: float, sigma: float, drift: float = 0.0) -> list[float]:
    """Return a geometric random walk of one value per step."""
    values, level = [], math.log(start)
    for _ in range(STEPS):
        values.append(math.exp(level))
        level += rng.gauss(drift, sigma)
    return values


class Market:
    """Coins in order of popularity, and the price of SOL."""

    def __init__(self, chain: Chain, seed: int, coins: int) -> None:
        self._random = random.Random(f"{seed}/market")  # noqa: S311 - a simulation, nothing secret
        self._chain = chain
        for stable in known.STABLES:
            _add_stable(chain, stable)
        chain.add_mint(known.WSOL, 9)
        self.sol_usd = walk(self._random, SOL_PRICE_USD, 0.008)
        self.sol_usd_now = f"{self.sol_usd[-1]:.2f}"
        self.quote_pools = {stable: self._quote_pool(stable) for stable in known.STABLES}
        self.stable_pool = self._stable_pool()
        self.giant_rank = coins - 1  # so cheap that amounts pass 2**63
        self.coins = [self._coin(rank) for rank in range(coins)]
        self.by_mint = {coin.mint: coin for coin in self.coins}
        self.giant = self.coins[-1]
        self.taxed = self._taxed_coin(coins)
        self._by_birth = sorted(self.coins, key=lambda coin: coin.born)
        self._births = [coin.born for coin in self._by_birth]
        self._weights = list(accumulate(coin.popularity for coin in self._by_birth))

    def pick(self, rng: random.Random, time_s: float) -> Coin:
        """Return a coin already born, the popular ones more often."""
        born = bisect_right(self._births, time_s)
        drawn = rng.random() * self._weights[born - 1]
        return self._by_birth[bisect_right(self._weights, drawn, hi=born - 1)]

    def newest(self, rng: random.Random, time_s: float) -> Coin:
        """Return one of the coins born last before this time."""
        born = bisect_right(self._births, time_s)
        return self._by_birth[rng.randint(max(0, born - NEWEST), born - 1)]

    def stable_for(self, lamports: int, time_s: float) -> int:
        """Return the stable's base units (six decimals) that these lamports are worth, at least 1."""
        return max(1, int(lamports * interpolated(self.sol_usd, time_s) / 1_000))

    def lamports_for(self, stable_units: int, time_s: float) -> int:
        """Return the lamports that so many units of a stable are worth, at least 1."""
        return max(1, int(stable_units * 1_000 / interpolated(self.sol_usd, time_s)))

    def _quote_pool(self, stable: str) -> Pool:
        owner = self._chain.book.derived(f"pool/SOL/{stable}")
        stable_vault = self._chain.endow_tokens(owner, stable, POOL_STABLE_UNITS)
        sol_vault = self._chain.endow_tokens(owner, known.WSOL, POOL_LAMPORTS)
        return Pool(owner, stable_vault, sol_vault, known.WSOL)

    def _stable_pool(self) -> Pool:
        owner = self._chain.book.derived("pool/USDC/USDT")
        usdc, usdt = (
            self._chain.endow_tokens(owner, stable, POOL_STABLE_UNITS)
            for stable in (known.USDC, known.USDT)
        )
        return Pool(owner, usdc, usdt, known.USDT)

    def _coin(self, rank: int) -> Coin:
        rng, chain = self._random, self._chain
        mint = known.MSOL if rank == 1 else chain.book.named(f"mint/{rank}")
        decimals = 9 if rank == 1 else DECIMALS[rank % len(DECIMALS)]
        program = (
            known.TOKEN_2022 if rank % TOKEN_2022_EVERY == TOKEN_2022_EVERY - 1 else known.TOKEN
        )
        chain.add_mint(mint, decimals, program)
        supply, price = self._size(rank, decimals)
        wild = 0.002 if rank in {1, self.giant_rank} else rng.uniform(0.02, 0.17)
        prices = walk(rng, price, wild, rng.uniform(-0.1, 0.04) * wild)
        symbol = "mSOL" if rank == 1 else f"{WORDS[rank % len(WORDS)].upper()}{rank}"
        curve = chain.book.derived(f"curve/{mint}")
        chain.endow(curve, POOL_LAMPORTS)
        return Coin(
            mint=mint,
            symbol=symbol,
            name=f"{WORDS[(rank * 5 + 3) % len(WORDS)]} {symbol}",
            decimals=decimals,
            program=program,
            supply=supply,
            popularity=1 / (rank + 1) ** ZIPF_EXPONENT,
            born=FIRST_TIME
            if rank % 3 == 0 or rank == self.giant_rank
            else rng.randint(FIRST_TIME, END_TIME - 5 * 86_400),
            prices=prices,
            curve=curve,
            curve_vault=chain.endow_tokens(curve, mint, supply // 20),
            pool=self._pool(mint, known.WSOL, supply // 10 * 7, POOL_LAMPORTS),
            stable_pool=self._stable_coin_pool(rank, mint, supply // 10),
            usd=self._usd(rank, prices[-1], decimals),
        )

    def _taxed_coin(self, rank: int) -> Coin:
        """Return a coin whose every transfer withholds a fee; it is none of those that everybody trades."""
        coin = self._coin(rank)
        coin.symbol, coin.usd = f"TAX{rank}", None
        self._chain.account_bytes[coin.mint] = LARGE_ACCOUNT_BYTES
        self._chain.transfer_fees[coin.mint] = TRANSFER_FEE
        return coin

    def _size(self, rank: int, decimals: int) -> tuple[int, float]:
        """Return supply in base units (within u64) and the first price in lamports per base unit."""
        if rank == 1:
            return 5_000_000 * 10**9, 1.2
        if rank == self.giant_rank:
            return known.U64_MAX, known.LAMPORTS_PER_SOL / known.U64_MAX
        whole = {0: 10_000_000, 18: 18}.get(decimals, 1_000_000_000)
        supply = min(whole * 10**decimals, known.U64_MAX)
        worth_lamports = 10 ** self._random.uniform(3, 5.3) * known.LAMPORTS_PER_SOL
        return supply, worth_lamports / supply

    def _pool(self, mint: str, quote: str, units: int, quote_units: int) -> Pool:
        owner = self._chain.book.derived(f"pool/{mint}/{quote}")
        vault = self._chain.endow_tokens(owner, mint, units)
        return Pool(owner, vault, self._chain.endow_tokens(owner, quote, quote_units), quote)

    def _stable_coin_pool(self, rank: int, mint: str, units: int) -> Pool | None:
        if rank % STABLE_POOL_EVERY:
            return None
        quote = known.STABLES[rank // STABLE_POOL_EVERY % len(known.STABLES)]
        return self._pool(mint, quote, units, POOL_STABLE_UNITS)

    def _usd(self, rank: int, price: float, decimals: int) -> str | None:
        """Return dollars per whole token with nine significant digits, None for every seventh mint."""
        if rank % UNPRICED_EVERY == UNPRICED_EVERY - 1:
            return None
        dollars = price * 10**decimals / known.LAMPORTS_PER_SOL * float(self.sol_usd_now)
        digits = max(2, 8 - math.floor(math.log10(dollars)))
        return f"{dollars:.{digits}f}"
