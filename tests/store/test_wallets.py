from __future__ import annotations

from typing import Any

import pytest

from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.store import NewRequest, Store, Synced, WalletAnalysis

pytestmark = pytest.mark.real

VERSION: dict[str, Any] = {"options_digest": "d", "engine_version": "1"}


@pytest.fixture
async def request_id(store: Store) -> str:
    """A recorded request."""
    await store.record_requests([NewRequest("a-1", b"", "t/0/0", [], {}, 0, 1)])
    return "a-1"


async def test_the_last_sync_is_remembered_and_never_goes_back(store: Store) -> None:
    assert await store.synced("W") is None
    await store.mark_synced("W", watermark_slot=70, at_ms=1000)
    await store.mark_synced("W", watermark_slot=60, at_ms=900)
    assert await store.synced("W") == Synced(at_ms=1000, watermark_slot=70)


async def test_an_oversized_wallet_is_asked_again_after_a_time(store: Store) -> None:
    await store.mark_oversized("W", for_s=3600)
    await store.mark_oversized("V", for_s=-1)
    await store.mark_oversized("W", for_s=-1)
    assert await store.oversized(["W", "V", "U"]) == {"W"}
    await store.mark_oversized("V", for_s=3600)
    assert await store.oversized(["W", "V", "U"]) == {"W", "V"}


async def test_an_analysis_comes_back_with_numbers_of_any_size_and_order(store: Store) -> None:
    analysis = WalletAnalysis(
        wallet="W",
        watermark_slot=5,
        pnl={"z": 2**80, "a": 0.1, "tokens": [{"mint": "M", "x": 1e22}], "n": None},
        behavior=None,
        coverage={"state": "complete", "gaps": [[1, 2]]},
    )
    await store.put_analysis(analysis, **VERSION)
    found = await store.analysis("W", 5, **VERSION)
    assert found == analysis
    assert list(found.pnl) == ["z", "a", "tokens", "n"]
    assert isinstance(found.pnl["tokens"][0]["x"], float)


async def test_an_analysis_is_found_only_by_its_slot_options_and_version(store: Store) -> None:
    analysis = WalletAnalysis("W", 5, {}, {}, {})
    await store.put_analysis(analysis, **VERSION)
    assert await store.analysis("W", 6, **VERSION) is None
    assert await store.analysis("W", 5, options_digest="e", engine_version="1") is None
    assert await store.analysis("W", 5, options_digest="d", engine_version="2") is None
    assert await store.analyses({"W": 5, "V": 5}, **VERSION) == {"W": analysis}


async def test_balances_found_once_stay_and_failures_give_way(
    store: Store, request_id: str
) -> None:
    await store.put_balances(
        request_id, {"W": {"state": "ok", "lamports": 1}, "V": {"state": "failed"}}
    )
    await store.put_balances(
        request_id, {"W": {"state": "ok", "lamports": 2}, "V": {"state": "oversized"}}
    )
    assert await store.balances(request_id) == {
        "V": {"state": "oversized"},
        "W": {"state": "ok", "lamports": 1},
    }
    assert await store.balances("other") == {}


async def test_names_and_prices_are_kept_for_their_time(store: Store) -> None:
    names = [TokenMetadata("M", "S", "Name", None, 6), TokenMetadata("N", None, None, None, None)]
    prices = [TokenPrice("M", 0.1 + 0.2, 5.0), TokenPrice("N", None, None)]
    await store.put_metadata(names)
    await store.put_prices(prices)
    await store.put_prices([])
    assert await store.metadata(["M", "N", "O"], max_age_s=60) == {"M": names[0], "N": names[1]}
    assert await store.prices(["M", "N", "O"], max_age_s=60) == {"M": prices[0], "N": prices[1]}
    assert await store.prices(["M"], max_age_s=-60) == {}
