"""The error tree: classed by what the worker does about them, never by origin.

Every library's own errors are mapped to these at one seam (`upstream/`, `store/`, `engine/`), so that nothing above a
seam catches a foreign exception. No message ever holds a secret: it is formed from already redacted text.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Fault(NamedTuple):
    """One thing wrong with an input: which field, what stood there, and the rule it breaks."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.field}: {self.rule} (found {self.value})"


class StreamprocError(Exception):
    """Anything that streamproc raises on purpose; `code` is the public word for it."""

    code = "internal"


FAULTS_NAMED: Final = 100  # in one text; of more only how many


def _more(faults: int) -> str:
    """How many faults are not named."""
    return f"; and {faults - FAULTS_NAMED} more" if faults > FAULTS_NAMED else ""


# --- the input is wrong: answer, do not retry ---


class InvalidInputError(StreamprocError):
    """A request or an argument breaks rules; all faults at once."""

    code = "invalid_request"

    def __init__(self, faults: list[Fault]) -> None:
        """Keep every fault; the text names them all."""
        super().__init__("; ".join(map(str, faults[:FAULTS_NAMED])) + _more(len(faults)))
        self.faults = faults


class ConfigurationError(InvalidInputError):
    """Settings, topics or schema are not what a start needs; the process ends with exit code 2."""

    code = "misconfigured"


class DeadLetterError(StreamprocError):
    """This record can never be worked off: it goes to dead letters with this reason and counts as done."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason (a word for filters) apart from the sentence."""
        super().__init__(message)
        self.reason = reason


# --- the world is not ready: wait, lose nothing ---


class TransientError(StreamprocError):
    """Something outside is away for now; the record waits and is tried again without bound."""

    code = "unavailable"


class StoreUnavailableError(TransientError):
    """Postgres cannot be reached, is restarting, or asks to try again."""


class BrokerUnavailableError(TransientError):
    """Kafka cannot be reached or did not confirm in time."""


# --- the upstream said something about one wallet: that wallet fails, the request decides -----------------------------


class WalletError(StreamprocError):
    """The work on one wallet cannot be finished."""

    code = "internal"


class UpstreamRejectedError(WalletError):
    """The upstream refuses this wallet (HTTP 400, JSON-RPC -32602)."""

    code = "upstream_rejected"


class UpstreamUnavailableError(WalletError):
    """The upstream did not answer usably, after all retries."""

    code = "upstream_unavailable"


class UpstreamInconsistentError(WalletError):
    """The upstream's answer contradicts itself or the question: other wallet's data, a cursor that does not move."""

    code = "upstream_inconsistent"


class UpstreamTimeoutError(UpstreamUnavailableError):
    """The upstream took too long (504 or our own time-out): a smaller page or range may succeed."""


class WorkFailedError(WalletError):
    """Pure work that cannot be done: whichever process of the pool does it dies or hangs."""


class UpstreamTooNewError(WalletError):
    """A transaction has a version that this release does not read (-32015): a newer reader is needed.

    The next strategy is tried; no repetition helps.
    """

    code = "upstream_too_new"


class StrategyUnsupportedError(StreamprocError):
    """This endpoint or plan does not know the method (-32601, 403 for the method): the next strategy takes over."""

    code = "upstream_unavailable"  # when there is no next one


# --- the request cannot go on, whatever the wallet ---


class RequestError(StreamprocError):
    """No wallet of this request can be asked any further."""


class UpstreamKeyRejectedError(RequestError):
    """The upstream refuses the key or the plan (HTTP 401, 403)."""

    code = "upstream_key_rejected"


class UpstreamCreditsExhaustedError(RequestError):
    """The upstream has answered 429 for minutes: the key's credits are gone."""

    code = "upstream_credits_exhausted"


class CreditBudgetExceededError(RequestError):
    """The next call would exceed the credits that the request may spend."""

    code = "credit_budget_exceeded"


class CohortError(RequestError):
    """The wallets of a request cannot be chosen as it asks: there is no such mint, or nobody holds or bought it."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the public word beside the sentence."""
        super().__init__(message)
        self.code = code


class RequestEndedError(StreamprocError):
    """The request was cancelled, expired or has otherwise ended: stop at once and say nothing."""

    code = "cancelled"
