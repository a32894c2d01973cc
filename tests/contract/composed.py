"""A result composed of what commit fe99eed was given by the store and the comparison; see test_bytes.py."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.result.composition import Prices
from streamproc.core.result.pool_jobs import Compared, Enrichment, Header, WalletInputs, written
from streamproc.events import ReadyWallet

STORED = Path(__file__).parent / "stored"


def composed(
    *, max_pairs: int = 5, max_tokens_per_wallet: int = 4, **header: object
) -> tuple[bytes, bytes]:
    """The event and the whole result of the stored facts, with these fields of the header changed."""
    facts = json.loads((STORED / "inputs.json").read_text("utf-8"))
    inputs = [
        WalletInputs(**{**each, "ready": ReadyWallet.model_validate(each["ready"])})
        for each in facts["materials"]
    ]
    found = Compared(
        **{**facts["found"], "pairs": [each.encode() for each in facts["found"]["pairs"]]},
        columns=b"",
    )
    enrichment = Enrichment(
        prices=Prices({mint: TokenPrice(mint, *rest) for mint, *rest in facts["prices"]}),
        metadata={mint: TokenMetadata(mint, *rest) for mint, *rest in facts["metadata"]},
        decimals=facts["decimals"],
        is_enriched=True,
        max_pairs=max_pairs,
        max_tokens_per_wallet=max_tokens_per_wallet,
    )
    event, whole = written(inputs, found, enrichment, Header(**{**facts["header"], **header}))
    return event, zlib.decompress(whole)
