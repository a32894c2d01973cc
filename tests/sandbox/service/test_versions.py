"""A call that would show a transaction newer than its caller reads fails as a whole, as the real one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamproc.sandbox.service.refusals import RpcError
from streamproc.sandbox.service.versions import refuse_newer, version_of
from streamproc.sandbox.wire.archive import Record

if TYPE_CHECKING:
    from streamproc.sandbox.world.world import World
    from tests.sandbox.conftest import Client


def records(*versions: int | None) -> list[Record]:
    return [
        Record(n, f"s{n}", n, 0, 0, failed=False, version=version)
        for n, version in enumerate(versions)
    ]


@pytest.mark.parametrize(
    ("versions", "declared", "refused"),
    [
        ((None, None), None, None),
        ((None, 0), 0, None),
        ((None, 0, 1), 1, None),
        ((None, 0), None, 0),
        ((None, 0, 1), 0, 1),
        ((None, 1, 0), None, 1),
    ],
)
def test_a_newer_transaction_refuses_the_whole_call(
    versions: tuple[int | None, ...], declared: int | None, refused: int | None
) -> None:
    if refused is None:
        refuse_newer(records(*versions), declared)
        return
    with pytest.raises(RpcError) as refusal:
        refuse_newer(records(*versions), declared)
    assert refusal.value.code == -32015
    assert refusal.value.message == (
        f"Transaction version ({refused}) is not supported by the requesting client. Please try the request again "
        f'with the following configuration parameter: "maxSupportedTransactionVersion": {refused}'
    )


@pytest.mark.parametrize("declared", ["1", 1.5, -1, 256, True, [1]])
def test_a_declared_version_is_one_byte(declared: object) -> None:
    with pytest.raises(RpcError) as refusal:
        version_of({"maxSupportedTransactionVersion": declared})
    assert refusal.value.code == -32602


async def test_lists_of_signatures_declare_nothing_and_full_ones_must(
    world: World, client: Client
) -> None:
    wallet = world.addresses[0]
    listed = await client.result("getTransactionsForAddress", wallet, {"limit": 1000})
    signatures = [row["signature"] for row in listed["data"]]
    versions: dict[str, Any] = {
        s: (await client.result("getTransaction", s, {"maxSupportedTransactionVersion": 1}))[
            "version"
        ]
        for s in signatures
    }
    assert len(set(versions.values())) > 1
    for declared in (None, 0, 1):
        options: dict[str, Any] = {"transactionDetails": "full", "limit": 1000}
        single: dict[str, Any] = {}
        if declared is not None:
            options["maxSupportedTransactionVersion"] = declared
            single["maxSupportedTransactionVersion"] = declared
        newer = {
            s for s, v in versions.items() if v != "legacy" and (declared is None or v > declared)
        }
        page = await client.rpc("getTransactionsForAddress", wallet, options)
        assert (page.get("error") or {}).get("code") == (-32015 if newer else None)
        for signature in signatures[:40]:
            one = await client.rpc("getTransaction", signature, single)
            assert (one.get("error") or {}).get("code") == (-32015 if signature in newer else None)
