"""What was paid for is kept although the store fails in passing, and what counts is never counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import StoreUnavailableError
from streamproc.store import NewRequest, StoredPage
from streamproc.store.postgres.retry import patient, patient_if_undone

if TYPE_CHECKING:
    from streamproc.store import Store

WALLET = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
# The first statements that write to a table fail; a sequence counts on although they are undone.
FAILING = """
CREATE SEQUENCE tried;
CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tried') <= {times} THEN
        RAISE EXCEPTION 'once more' USING ERRCODE = '{code}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fail_first BEFORE INSERT OR UPDATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION fail_first()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr("streamproc.store.postgres.retry.delay_s", lambda _: 0.0)


async def fails(dsn: str, table: str, *, times: int, code: str) -> None:
    """Have so many statements on this table fail."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(FAILING.format(table=table, times=times, code=code))
    await connection.close()


@pytest.mark.real
@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_page_is_held_until_it_is_kept(store: Store, store_dsn: str, code: str) -> None:
    await fails(store_dsn, "wallet_ranges", times=3, code=code)
    await store.add_page(WALLET, StoredPage([], SlotRange(1, 9), "full"))
    assert await store.ranges(WALLET) == [SlotRange(1, 9)]


@pytest.mark.real
async def test_credits_that_were_refused_by_postgres_are_settled_once(
    store: Store, store_dsn: str
) -> None:
    await store.record_requests([NewRequest("a", b"", "t/0/0", [], {}, 0, 1)])
    assert await store.reserve_credits("a", 10, 100)
    await fails(store_dsn, "analysis_credits", times=3, code="40001")
    await store.settle_credits("a", reserved=10, spent=7)
    assert await store.credits_spent("a") == 7


LOST = asyncpg.exceptions.ConnectionDoesNotExistError("closed in the middle of operation")
REFUSED = ConnectionRefusedError("nobody is there")
UNDONE = asyncpg.exceptions.SerializationError("try again")


@pytest.mark.parametrize(
    ("decorated", "error", "is_tried_again"),
    [
        (patient, LOST, True),
        (patient, REFUSED, True),
        (patient, TimeoutError(), True),
        (patient_if_undone, REFUSED, True),
        (patient_if_undone, UNDONE, True),
        (patient_if_undone, LOST, False),
        (patient_if_undone, TimeoutError(), False),
        (patient_if_undone, asyncpg.exceptions.StatementCompletionUnknownError("?"), False),
        (patient_if_undone, asyncpg.exceptions.AdminShutdownError("going down"), False),
        (patient_if_undone, asyncpg.exceptions.CrashShutdownError("going down"), False),
        (patient_if_undone, asyncpg.exceptions.CannotConnectNowError("starting up"), True),
    ],
)
async def test_what_counts_is_tried_again_only_where_it_is_undone(
    decorated: object, error: BaseException, *, is_tried_again: bool
) -> None:
    calls = 0

    async def keep() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreUnavailableError("away") from error
        return "kept"

    tried = decorated(keep)  # type: ignore[operator]
    if is_tried_again:
        assert await tried() == "kept"
    else:
        with pytest.raises(StoreUnavailableError):
            await tried()
    assert calls == 1 + is_tried_again


async def test_patience_ends() -> None:
    calls = 0

    @patient
    async def keep() -> None:
        nonlocal calls
        calls += 1
        raise StoreUnavailableError("away")

    with pytest.raises(StoreUnavailableError):
        await keep()
    assert calls == 8
