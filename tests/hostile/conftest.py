"""The house of the hostile tests; their reader of topics is the product's: clients fall over what is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from streamproc.kafka.record_batches import install
from tests.flow.conftest import open_installation, served, world
from tests.hostile.house import attacked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener
    from tests.hostile.house import Attacked

__all__ = ["open_installation", "world"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(open_installation: Opener, world: World) -> AsyncIterator[Attacked]:
    """One worker for all attacks of a module."""
    install()
    with served(world) as sandbox:
        async with (
            open_installation(sandbox) as installation,
            attacked(installation, world.addresses) as found,
        ):
            yield found
