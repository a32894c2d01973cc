"""Figures in words: amounts, scores, times and evidence as a person reads them; no HTML, no terminal."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

from streamproc.events import Cohort

if TYPE_CHECKING:
    from streamproc.json_types import Json

NOTHING: Final = "–"  # noqa: RUF001 - what stands where there is no figure
LAMPORTS_PER_SOL: Final = 10**9
SHOWN_DECIMALS: Final = 4
ADDRESS_HEAD: Final = 4
EXACT: Final = Context(prec=400)  # more digits than any amount or float has
MS_PER_S: Final = 1000
S_PER_MINUTE: Final = 60
YEAR_S: Final = 365 * 86_400
UNITS: Final = (
    (1, "s", 100),
    (60, "min", 2 * 3_600),
    (3_600, "h", 2 * 86_400),
    (86_400, "days", 2 * YEAR_S),
)  # seconds in a unit, its name, until how many seconds it is used
SMALLEST_CHANCE: Final = 0.0001  # one smaller is no different to a person
EXPONENT: Final = re.compile(r"(?P<equals>= )?(?P<figure>-?\b\d+(?:\.\d+)?e[-+]?\d{1,3})\b")
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
# Who is no member of a cohort, by kind.
OUTSIDERS: Final = {
    "exchange": "of exchanges",
    "program": "of programs and pools",
    "operator": "on the operator's list",
    "unreadable": "unreadable",
}
# What a verdict says in a word or two, the strongest first: the order in which pairs are shown.
VERDICTS: Final = {
    "linked": "more than chance: linked",
    "follows": "more than chance: one follows",
    "coordinated": "more than chance",
    "common_signal": "a common signal",
    "alike": "explained by popularity",
    "untested": "not testable",
}
MISSING: Final = {
    "price": ("price", "prices"),
    "metadata": ("name of a token", "names of tokens"),
    "history": ("history", "histories"),
    "balances": ("wallet's balances", "wallets' balances"),
}
TOGETHER: Final = frozenset({"linked", "follows", "coordinated"})  # what acts together


def short(address: str) -> str:
    """An address by its first and last four characters."""
    if len(address) <= 2 * ADDRESS_HEAD + 1:
        return address
    return f"{address[:ADDRESS_HEAD]}…{address[-ADDRESS_HEAD:]}"


def plain(value: float | Decimal, digits: int = 3) -> str:
    """A figure with so many significant digits, thousands apart and never with an exponent.

    >>> plain(7.4e-06), plain(2230.4), plain(0.5), plain(-0.1234)
    ('0.0000074', '2,230', '0.5', '-0.123')
    """
    exact = Decimal(str(value))
    if not exact.is_finite():
        return NOTHING
    places = digits - 1 - exact.adjusted() if exact else 0
    shown = exact.quantize(Decimal(1).scaleb(-max(0, places)), ROUND_HALF_EVEN, EXACT)
    text = f"{shown:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def sol(lamports: int | None) -> str:
    """Lamports as SOL with four decimals, rounded half to even; what is not nothing never looks like nothing."""
    if lamports is None:
        return NOTHING
    return amount(lamports, 9)


def signed(lamports: int) -> str:
    """Lamports as SOL with a sign, a plus too."""
    return f"+{sol(lamports)}" if lamports > 0 else sol(lamports)


def amount(units: int | str | None, decimals: int | None) -> str:
    """Base units as a whole amount with at most four decimals; tiny ones keep two significant digits."""
    if units is None:
        return NOTHING
    exact = Decimal(int(units)).scaleb(-(decimals or 0), EXACT)
    shown = exact.quantize(Decimal(1).scaleb(-SHOWN_DECIMALS), ROUND_HALF_EVEN, EXACT)
    if exact and not shown:
        return plain(exact, 2)
    text = f"{shown:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: float | None) -> str:
    """US dollars with cents, tiny ones with two significant digits."""
    if value is None:
        return NOTHING
    return f"${value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"${plain(value, 2)}"  # noqa: PLR2004 - a cent


def without_exponents(text: str) -> str:
    """A sentence whose figures have no exponents; what is too small to matter is named as smaller than that.

    >>> without_exponents("39 of 39 mints, p = 3.6e-12"), without_exponents("closeness 2.5e-03")
    ('39 of 39 mints, p < 0.0001', 'closeness 0.0025')
    """

    def as_people_write(found: re.Match[str]) -> str:
        value = float(found["figure"])
        if found["equals"] and 0 < value < SMALLEST_CHANCE:
            return f"< {SMALLEST_CHANCE:.4f}"
        return f"{found['equals'] or ''}{plain(value)}"

    return EXPONENT.sub(as_people_write, text)


def lag(duration_s: float | None) -> str:
    """A duration in the unit that people use for it.

    >>> lag(33.0), lag(300), lag(7200), lag(8028000)
    ('33 s', '5 min', '2 h', '92.9 days')
    """
    if duration_s is None:
        return NOTHING
    for unit, name, until in UNITS:
        if abs(duration_s) < until:
            return f"{plain(duration_s / unit)} {name}"
    return f"{plain(duration_s / YEAR_S, 2)} years"


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


def day(time: int) -> str:
    """Unix seconds as a date in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")


def seconds(duration_ms: float) -> str:
    """A duration as people say it: 0.43 s, 12.1 s, 3 min 20 s."""
    whole = duration_ms / MS_PER_S
    if whole < S_PER_MINUTE:
        return f"{whole:.2f} s" if whole < 10 else f"{whole:.1f} s"  # noqa: PLR2004 - two digits are enough
    minutes, rest = divmod(round(whole), S_PER_MINUTE)
    return f"{minutes} min {rest} s"


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


def by_verdict(pairs: list[Json]) -> list[Json]:
    """The pairs with the strongest verdict first, then the smallest q; what is equal keeps its order."""
    places = {name: place for place, name in enumerate(VERDICTS)}

    def order(pair: Json) -> tuple[int, float]:
        q = pair.get("q")
        return places.get(pair.get("verdict", ""), len(places)), 2.0 if q is None else float(q)

    return sorted(pairs, key=order)


def verdict_words(pair: Json) -> str:
    """The pair's verdict in words; a result of an older version has none."""
    return VERDICTS.get(pair.get("verdict", ""), NOTHING)


def chance_words(chance: float | None) -> str:
    """A q or p as people write it: how likely a finding like this is an accident."""
    if chance is None:
        return NOTHING
    return f"< {SMALLEST_CHANCE:.4f}" if chance < SMALLEST_CHANCE else plain(chance, 2)


def evidence_sentence(item: Json) -> str:
    """One item of evidence as a sentence: its reason, or what figures there are."""
    said = item.get("reason")
    if not said:
        figures = (
            f"{name} {plain(value, 2)}"
            for name, value in item.items()
            if isinstance(value, int | float)
        )
        said = ", ".join([str(item.get("kind")), *figures])
    return without_exponents(f"{str(said)[:1].upper()}{str(said)[1:]}.")


def _rule_words(cohort: Json) -> str:
    """The rule of a cohort in a few words."""
    names = ("mint", "kind", "count", "before")
    return Cohort.model_construct(**{name: cohort[name] for name in names}).in_words


def cohort_words(cohort: Json | None) -> list[str]:
    """How the wallets were chosen, who was left out, and what that rests on, a sentence each; none for a list."""
    if not cohort:
        return []
    members, rule = len(cohort["members"]), _rule_words(cohort)
    said = [f"The {members:,} wallets were chosen by a rule, at slot {cohort['slot']:,}: {rule}."]
    kinds = Counter(each["kind"] for each in cohort["outsiders"])
    if kinds:
        named = ", ".join(f"{count:,} {OUTSIDERS[kind]}" for kind, count in sorted(kinds.items()))
        said.append(f"Left out as no wallets of their own: {named}.")
    coverage = cohort["coverage"]
    if coverage["state"] == "largest":
        least = f"{int(coverage['least']) / 10 ** cohort['decimals']:,g}"
        said.append(f"All accounts of {least} tokens and more were looked at, no smaller ones.")
    if coverage["state"] == "bounded":
        said.append(f"Choosing stopped early: {coverage['reason']}.")
    return [*said, f"Of the token itself: {cohort['left_out']}."]


def untested_words(pairs: list[Json]) -> list[str]:
    """Why pairs could not be tested, the commonest reason first, each with how many pairs it holds for."""
    said = Counter(
        without_exponents(str(pair.get("sentence") or ""))
        for pair in pairs
        if pair.get("verdict") == "untested"
    )
    return [
        f"{count:,} pair{'s' if count > 1 else ''} not tested: {sentence.removeprefix('Not tested: ')}"
        for sentence, count in said.most_common()
        if sentence
    ]


def missing_words(missing: list[Json]) -> str:
    """How many things of which kind a result had to do without."""
    counts = Counter(item["kind"] for item in missing)
    if not counts:
        return "nothing missing"
    parts = (f"{count:,} {_lacking(kind, count)}" for kind, count in counts.most_common())
    return "not known: " + ", ".join(parts)


def _lacking(kind: str, count: int) -> str:
    """What is missing, in the number that fits."""
    one, many = MISSING.get(kind, (kind, kind))
    return one if count == 1 else many
