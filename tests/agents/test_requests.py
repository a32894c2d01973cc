"""What makes two requests the same."""

from __future__ import annotations

from streamproc.agents.requests import digest_of
from streamproc.events import AnalysisRequested

WALLET = "21ibkBsDxEpatCzZ8jqSSLqh47B7MgpU5hKyLuVjtqPh"


class Newer(AnalysisRequested):
    """A request as the next version knows it."""

    added_option: int = 3


def test_an_option_that_is_added_makes_another_request_only_where_it_is_used() -> None:
    asked = digest_of(AnalysisRequested(request_id="r", wallets=[WALLET]))
    assert digest_of(Newer(request_id="r", wallets=[WALLET])) == asked
    assert digest_of(Newer(request_id="r", wallets=[WALLET], added_option=5)) != asked


def test_the_digest_of_a_request_stays_what_it_was() -> None:
    asked = AnalysisRequested(request_id="r", wallets=[WALLET])
    assert (
        digest_of(asked).hex() == "62a81e13d4072b44e5f51f3f9ff53c7b2d8e51549969f6974c6e595cd01dbf6a"
    )
    assert digest_of(asked.model_copy(update={"tenant": "light"})) != digest_of(asked)
