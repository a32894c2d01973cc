"""Figures in words: amounts, scores, times and evidence as a person reads them; no HTML, no terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

Json = dict[str, Any]

NOTHING: Final = "–"  # noqa: RUF001 - what stands where there is no figure
LAMPORTS_PER_SOL: Final = 10**9
SHOWN_DECIMALS: Final = 4
ADDRESS_HEAD: Final = 4
EXACT: Final = Context(prec=100)  # more digits than any amount has
MS_PER_S: Final = 1000
S_PER_MINUTE: Final = 60
S_PER_HOUR: Final = 3600
S_PER_DAY: Final = 86_400
SCORES: Final = {
    "idf": "traded tokens, rare ones count more",
    "binary": "traded tokens, all count the same",
    "capital": "share of capital per token",
    "jaccard": "traded tokens in common / in all",
    "ruzicka": "overlap of capital shares",
    "held_jaccard": "held tokens in common / in all",
    "held_cosine": "held tokens",
    "held_traded_jaccard": "tokens both held and traded",
    "held_value_cosine": "value held per token",
}


def short(address: str) -> str:
    """An address by its first and last four characters."""
    if len(address) <= 2 * ADDRESS_HEAD + 1:
        return address
    return f"{address[:ADDRESS_HEAD]}…{address[-ADDRESS_HEAD:]}"


def sol(lamports: int | None) -> str:
    """Lamports as SOL with four decimals, rounded half to even; what is not nothing never looks like nothing."""
    if lamports is None:
        return NOTHING
    return amount(lamports, 9)


def amount(units: int | str | None, decimals: int | None) -> str:
    """Base units as a whole amount with at most four decimals; tiny ones keep two significant digits."""
    if units is None:
        return NOTHING
    exact = Decimal(int(units)).scaleb(-(decimals or 0), EXACT)
    shown = exact.quantize(Decimal(1).scaleb(-SHOWN_DECIMALS), ROUND_HALF_EVEN, EXACT)
    if exact and not shown:
        return f"{exact:.1e}"
    text = f"{shown:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: float | None) -> str:
    """US dollars with cents, tiny ones with two significant digits."""
    if value is None:
        return NOTHING
    return f"${value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"${value:.2g}"  # noqa: PLR2004 - a cent


def score(value: float | None) -> str:
    """A score 0 to 1 with three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """A share 0 to 1 in percent."""
    return NOTHING if value is None else f"{100 * value:.0f} %"


def moment(time: int | None) -> str:
    """Unix seconds as a date and time in UTC."""
    if time is None:
        return NOTHING
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


def seconds(duration_ms: float) -> str:
    """A duration as people say it: 0.43 s, 12.1 s, 3 min 20 s."""
    whole = duration_ms / MS_PER_S
    if whole < S_PER_MINUTE:
        return f"{whole:.2f} s" if whole < 10 else f"{whole:.1f} s"  # noqa: PLR2004 - two digits are enough
    minutes, rest = divmod(round(whole), S_PER_MINUTE)
    return f"{minutes} min {rest} s"


def lag(time_s: float) -> str:
    """A lag in the unit that fits: 12 s, 4 min, 3 h, 2 d."""
    for size, unit in ((S_PER_DAY, "d"), (S_PER_HOUR, "h"), (S_PER_MINUTE, "min")):
        if abs(time_s) >= size:
            return f"{time_s / size:.1f} {unit}"
    return f"{time_s:.0f} s"


def token_name(mint: str, tokens: dict[str, Json]) -> str:
    """A mint's symbol, or its shortened address when it has none."""
    symbol = (tokens.get(mint) or {}).get("symbol")
    return str(symbol) if symbol else short(mint)


def coverage_words(coverage: Json | None) -> str:
    """What the figures of a wallet rest on."""
    if coverage is None:
        return NOTHING
    count = f"{coverage['transactions']:,} transactions"
    gaps = coverage.get("gaps") or []
    if coverage["state"] == "complete":
        return f"complete, {count}"
    if coverage["state"] == "capped":
        return f"newest {count}"
    return f"partial, {count}, {len(gaps)} gap{'s' if len(gaps) != 1 else ''}"


def ranked_by(pairs: list[Json]) -> str:
    """The score that the pairs are ordered by: the first of SCORES that never rises down the list, nulls last."""
    for name in SCORES:
        values = [(pair.get("scores") or {}).get(name) for pair in pairs]
        ranks = [-1.0 if value is None else float(value) for value in values]
        if any(value is not None for value in values) and ranks == sorted(ranks, reverse=True):
            return name
    return next(iter(SCORES))


def evidence_sentence(item: Json) -> str:
    """One item of evidence as a sentence."""
    says = _EVIDENCE.get(str(item.get("kind")))
    sentence = says(item) if says else str(item.get("reason") or item.get("kind"))
    return sentence[:1].upper() + sentence[1:] + "."


def _chance(item: Json) -> str:
    """Is the overlap more than popularity explains?"""
    times = item.get("lift")
    words = (
        "shared tokens"
        if times is None
        else f"{times:.1f} times the overlap that popularity explains"
    )
    if item.get("p") is None:
        return f"{words}; no probability: {item.get('reason') or 'too few wallets'}"
    return f"{words} ({_chances(item)})"


def _interval(item: Json) -> str:
    """How sure is the score?"""
    value = item.get("value")
    if isinstance(value, list | tuple) and len(value) == 2:  # noqa: PLR2004 - two ends
        return f"the idf score lies between {score(value[0])} and {score(value[1])} in 95 of 100 resamplings"
    return "how far the idf score may be off is not known"


def _timing(item: Json) -> str:
    """Do they buy at the same time?"""
    return f"first buys of shared tokens close in time: {score(item.get('value'))} of 1"


def _direction(item: Json) -> str:
    """Who is first?"""
    leader, lag_s = item.get("leader"), item.get("lag_s")
    count = item.get("n")
    if leader is None:
        return f"neither wallet leads (n = {count})"
    ahead = "" if lag_s is None else f", typically {lag(abs(lag_s))} ahead"
    return f"{short(leader)} buys first{ahead} (n = {count}, {_chances(item)})"


def _link(item: Json) -> str:
    """Are they tied by transfers or funders?"""
    return str(item.get("reason") or "linked by transfers")


def _chances(item: Json) -> str:
    """The probability and its correction for many pairs."""
    found = [f"{name} = {item[name]:.2g}" for name in ("p", "q") if item.get(name) is not None]
    return ", ".join(found) or "no probability"


_EVIDENCE: Final = {
    "chance": _chance,
    "interval": _interval,
    "timing": _timing,
    "direction": _direction,
    "link": _link,
}
