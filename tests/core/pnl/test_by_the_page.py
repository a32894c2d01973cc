"""Recorded transactions, and what becomes of them when something in them is otherwise, are read as the rules say.

The rules are read once more and naively in `by_the_page`; what is varied is what other people's transactions vary: who
pays, who owns, what an account keeps, what is money, what a transfer withholds.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from streamproc.core.chain.tips import TIP_ACCOUNTS
from streamproc.core.ledger.entries import Page
from streamproc.core.wire.raw import raw_page
from tests.core.pnl import by_the_page
from tests.core.wire.test_stated import FOLDER, keys_of, recorded, wallets_of

Json = dict[str, Any]
Variation = Callable[[random.Random, Json], None]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded transactions are not there: {FOLDER}"
)
VARIED: Final = 80
KEPT: Final = [
    (128 + n) * rate for n in (0, 1, 96, 165, 170, 200) for rate in (6_960, 6_333, 5_080)
]
KEPT_DIFFERENCES: Final = [293 * step for step in (627, 1_253, 1_880)]


def unlike(item: Json, wallet: str) -> tuple[Any, ...] | None:
    """Both readings where they differ; orders apart, which need a history."""
    page = raw_page(json.dumps({"result": {"data": [item]}}).encode(), wallet)
    assert isinstance(page, Page)
    (entry,) = page.entries
    if str(entry.kind) == "order_placed":
        return None
    kept = str(entry.kind), entry.network_fee, entry.tips, entry.rent, dict(entry.deltas)
    read = by_the_page.read(item, wallet, TIP_ACCOUNTS)
    return None if kept == tuple(read) else (wallet, kept, read)


def test_every_recorded_transaction_is_read_as_the_rules_say_for_everyone_it_touches() -> None:
    compared = 0
    for item in recorded().values():
        if item["meta"]["err"] is not None:
            continue  # nothing but a fee, as other tests say
        for wallet in sorted(wallets_of(item)):
            compared += 1
            assert not unlike(item, wallet)
    assert compared > 1_000


def sides(item: Json) -> list[Json]:
    """All its token balances."""
    meta = item["meta"]
    return [*meta["preTokenBalances"], *meta["postTokenBalances"]]


def another_pays(rng: random.Random, item: Json) -> None:
    """Somebody else is the first key."""
    meta, keys = item["meta"], item["transaction"]["message"]["accountKeys"]
    place = rng.randrange(len(keys))
    for listed in (keys, meta["preBalances"], meta["postBalances"]):
        listed[0], listed[place] = listed[place], listed[0]
    swapped = {0: place, place: 0}
    for balance in sides(item):
        balance["accountIndex"] = swapped.get(balance["accountIndex"], balance["accountIndex"])


def another_owns(rng: random.Random, item: Json) -> None:
    """A token account is somebody else's, before, after, or both."""
    found = rng.choice(sides(item))
    owner = rng.choice(item["transaction"]["message"]["accountKeys"])
    is_whole = rng.random() < 1 / 2
    for balance in sides(item):
        if balance is found or (is_whole and balance["accountIndex"] == found["accountIndex"]):
            balance["owner"] = owner


def lamports_move(rng: random.Random, item: Json) -> None:
    """Between any two accounts, or into and out of a token account: what an account keeps, or something else."""
    after = item["meta"]["postBalances"]
    one, other = rng.randrange(len(after)), rng.randrange(len(after))
    if rng.random() < 1 / 2:
        one = rng.choice(sides(item))["accountIndex"]
    lamports = rng.choice([*KEPT, *KEPT_DIFFERENCES, 10**7, rng.randrange(1, 10**9)])
    sign = rng.choice((1, -1))
    after[one] += sign * lamports
    after[other] -= sign * lamports


def an_amount_stays(rng: random.Random, item: Json) -> None:
    """A token account has after it what it had before."""
    found = rng.choice(sides(item))
    for balance in sides(item):
        if balance["accountIndex"] == found["accountIndex"]:
            balance["uiTokenAmount"]["amount"] = found["uiTokenAmount"]["amount"]


def something_is_withheld(rng: random.Random, item: Json) -> None:
    """Less arrives, by one, five or sixty in a hundred."""
    amount = rng.choice(sides(item))["uiTokenAmount"]
    amount["amount"] = str(int(amount["amount"]) * (100 - rng.choice((1, 5, 60))) // 100)


def another_mint(rng: random.Random, item: Json) -> None:
    """A token is money, or the same as another one."""
    mint = rng.choice(sides(item))["mint"]
    into = rng.choice([*sorted(by_the_page.QUOTES), *(each["mint"] for each in sides(item))])
    for balance in sides(item):
        if balance["mint"] == mint:
            balance["mint"] = into


def one_of_a_kind(rng: random.Random, item: Json) -> None:
    """A token has no decimals, and one account of it none or one."""
    found = rng.choice(sides(item))
    for balance in sides(item):
        if balance["mint"] == found["mint"]:
            balance["uiTokenAmount"]["decimals"] = 0
    found["uiTokenAmount"]["amount"] = rng.choice("01")


def a_tip(rng: random.Random, item: Json) -> None:
    """An account is one of those that land transactions."""
    keys = item["transaction"]["message"]["accountKeys"]
    tip = rng.choice(sorted(TIP_ACCOUNTS - set(keys)))
    keys[rng.randrange(len(keys))] = tip


VARIATIONS: Final[tuple[Variation, ...]] = (
    another_pays,
    another_owns,
    lamports_move,
    an_amount_stays,
    something_is_withheld,
    another_mint,
    one_of_a_kind,
    a_tip,
)


def varied(rng: random.Random) -> Json:
    """A recorded transaction that did not fail, with up to four things otherwise."""
    items = [each for each in recorded().values() if each["meta"]["err"] is None]
    item = copy.deepcopy(rng.choice([each for each in items if each["meta"]["preTokenBalances"]]))
    item["transaction"]["message"]["accountKeys"] = keys_of(item)
    item["meta"].pop("loadedAddresses", None)
    for variation in rng.choices(VARIATIONS, k=rng.randint(1, 4)):
        variation(rng, item)
    return item


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_otherwise_in_it_is_read_as_the_rules_say(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a variation, nothing secret
    for number in range(VARIED):
        item = varied(rng)
        for wallet in sorted(wallets_of(item)):
            assert not unlike(item, wallet), number
