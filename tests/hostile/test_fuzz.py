"""Two hundred draws in each run of the suite; `./run faults --hostile N` draws more."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.hostile.barrage import Barrage
from tests.hostile.draws import drawn

if TYPE_CHECKING:
    from tests.hostile.house import Attacked

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DRAWS = 200


async def test_whatever_is_drawn_is_answered_or_a_dead_letter_and_others_are_served(
    house: Attacked,
) -> None:
    number = 0 if "CI" in os.environ else random.randrange(10**6)  # noqa: S311 - which draws, no secret
    print(f"seed {number}")  # noqa: T201 - of a failure
    found = Barrage(house)
    await found.run(drawn(DRAWS, number))
    assert found.ends["completed"]
    assert found.ends["rejected"]
    assert sum(found.ends.values()) >= DRAWS
