"""Whatever is put on `analysis-requested` is answered or diverted as the contract says, and the next request runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flow.installation import Installation

pytestmark = pytest.mark.real

GARBAGE = {
    "not JSON": (b"{wallets", "not_json"),
    "bad UTF-8": (b'{"request_id": "\xff\xfe"}', "not_json"),
    "empty": (b"", "not_json"),
    "tombstone": (None, "tombstone"),
    "a list": (b"[]", "invalid_request"),
    "no request id": (b"{}", "invalid_request"),
    "a request id with a slash": (b'{"request_id": "a/b", "wallets": []}', "invalid_request"),
    "a request id of 65 characters": (
        b'{"request_id": "%s", "wallets": []}' % (b"x" * 65),
        "invalid_request",
    ),
    "a request id that is a number": (b'{"request_id": 7, "wallets": []}', "invalid_request"),
}


async def test_what_is_no_request_goes_to_dead_letters_and_the_next_request_is_answered(
    installation: Installation, wallets: list[str]
) -> None:
    await installation.ready_worker()
    for name, (value, _) in GARBAGE.items():
        await installation.send("analysis-requested", name, value, {"x-test": name.encode()})
    await installation.request("good", wallets[:2])
    ending = await installation.ending("good")
    assert ending["status"] == "completed"
    await installation.until(
        lambda: len(installation.of("dead-letters")) == len(GARBAGE), "not all dead letters came"
    )
    letters = {each.headers["x-test"].decode(): each for each in installation.of("dead-letters")}
    for name, (value, reason) in GARBAGE.items():
        letter = letters[name]
        assert letter.value == value
        assert letter.key == name.encode()
        assert letter.headers["x-reason"] == reason.encode()
        assert letter.headers["__streams.errors.topic"].decode().endswith("analysis-requested")
        assert b"Traceback" not in letter.headers["__streams.errors.message"]
    assert not installation.of("analysis-failed")


def _body(given: list[str], **changes: object) -> dict[str, Any]:
    return {"wallets": given[:2]} | changes


REJECTED: dict[str, tuple[Callable[[list[str]], dict[str, Any]], set[str]]] = {
    "no-wallet": (lambda wallets: _body(wallets[:0]), {"wallets"}),
    "too-many": (lambda _: {"wallets": many(1001)}, {"wallets"}),
    "short-address": (
        lambda wallets: _body(wallets, wallets=[wallets[0], "1" * 31]),
        {"wallets.1"},
    ),
    "negative-deadline": (lambda wallets: _body(wallets, deadline_s=-5), {"deadline_s"}),
    "unknown-field": (lambda wallets: _body(wallets, walets=[]), {"walets"}),
    "string-for-number": (lambda wallets: _body(wallets, max_age_s="60"), {"max_age_s"}),
    "several": (
        lambda wallets: _body(
            wallets, wallets=["x", "y"], deadline_s=0, since=5, until=1, nope=True
        ),
        {"wallets.0", "wallets.1", "deadline_s", "until", "nope"},
    ),
}


def many(count: int) -> list[str]:
    """So many different addresses."""
    from solders.pubkey import Pubkey  # noqa: PLC0415 - only here

    return [str(Pubkey(number.to_bytes(32, "big"))) for number in range(1, count + 1)]


async def test_a_request_that_breaks_rules_is_rejected_with_every_fault_once_for_all(
    installation: Installation, wallets: list[str]
) -> None:
    await installation.ready_worker()
    for name, (body, _) in REJECTED.items():
        await installation.send("analysis-requested", name, {"request_id": name} | body(wallets))
    for name, (_, fields) in REJECTED.items():
        ending = await installation.ending(name)
        assert (ending["status"], ending["code"]) == ("rejected", "invalid_request")
        assert {fault["field"] for fault in ending["faults"]} == fields
        assert all(fault["rule"] for fault in ending["faults"])
        (progress,) = installation.of("analysis-progress", name)
        assert (progress.event["seq"], progress.event["percent"]) == (1, 0)
        assert (progress.event["stage"], progress.event["terminal"]) == ("rejected", True)
    # That is their end: the same id may not be used for a request that is right.
    await installation.request("no-wallet", wallets[:2])
    (letter,) = await installation.until(
        lambda: installation.of("dead-letters", "no-wallet"), "no dead letter"
    )
    assert letter.headers["x-reason"] == b"request_id_reused"
    assert not installation.of("analysis-accepted", "no-wallet")


async def test_the_same_id_is_answered_again_and_with_other_content_is_a_dead_letter(
    installation: Installation, wallets: list[str]
) -> None:
    await installation.ready_worker()
    await installation.request("twice", wallets[:2])
    await installation.request("twice", wallets[:2])
    await installation.request("twice", wallets[:3])
    await installation.ending("twice")
    first = installation.of("analysis-completed", "twice")
    await installation.request("twice", wallets[1::-1])
    await installation.until(
        lambda: len(installation.of("analysis-completed", "twice")) > len(first),
        "the repeat was not answered",
    )
    again = installation.of("analysis-completed", "twice")
    assert {each.value for each in again} == {first[0].value}
    assert {each.headers["ce_id"] for each in again} == {first[0].headers["ce_id"]}
    assert {tuple(sorted(each.headers.items())) for each in again} == {
        tuple(sorted(first[0].headers.items()))
    }
    (letter,) = installation.of("dead-letters")
    assert letter.headers["x-reason"] == b"request_id_reused"
    assert len(installation.of("analysis-accepted", "twice")) == 1
