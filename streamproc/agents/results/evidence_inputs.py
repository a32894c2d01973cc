"""What evidence rests on beside the wallets of a request, found the first time and kept: a repeat reads the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamproc.core.formats import WORKINGS_FORMAT
from streamproc.core.result.evidence_inputs import EvidenceInputs, packed, possible_hubs

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamproc.core.result.pool_jobs import Survey
    from streamproc.store import Store

# What a request's evidence rests on is kept under; in another format it is gathered anew.
EVIDENCE_INPUTS: Final = f"surroundings/{WORKINGS_FORMAT}"


async def kept_evidence_inputs(
    store: Store,
    request_id: str,
    seen: Survey,
    *,
    wallets: Collection[str],
    excluded: Collection[str],
) -> bytes:
    """What evidence about a request's wallets rests on, as it was when it was first composed.

    `excluded` are the mints that are not compared.
    """
    kept = await store.snapshot(request_id, EVIDENCE_INPUTS)
    if kept is not None:
        return kept
    found = await _found(store, seen, wallets, {*seen.traded, *excluded})
    content = await asyncio.to_thread(packed, found)
    return await store.snapshot_once(request_id, EVIDENCE_INPUTS, content)


async def _found(
    store: Store, seen: Survey, wallets: Collection[str], named: Collection[str]
) -> EvidenceInputs:
    """Stored wallets beside those of the request, and who met whom up to each wallet's watermark."""
    watermarks = seen.watermarks
    whole = {wallet: watermarks[wallet] for wallet in seen.whole}
    found = EvidenceInputs(
        background=await store.background(leaving_out=list(wallets), named=named, weeks=seen.weeks),
        transfers=tuple(await store.transfers_between(watermarks)),
        first_funders=await store.first_funders(whole),
        fee_payers=await store.fee_payers(watermarks),
        known_wallets=await store.known_wallets(),
    )
    return replace(found, counterparties=await store.counterparties(possible_hubs(found)))
