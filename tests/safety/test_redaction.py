"""No finished sentence holds a secret in a spelling from which it can be read back."""

from __future__ import annotations

import base64
import html
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.safety.redaction import MASK, SHORTEST_SECRET, TELLING_PART, redacted

KEY = "canary-5f3c9a/key+x"
BYTES = KEY.encode()

SPELLINGS = {
    "plain": KEY,
    "upper case": KEY.upper(),
    "percent, where it must": quote(KEY, safe=""),
    "percent, all of it": "".join(f"%{byte:02X}" for byte in BYTES),
    "percent twice": "".join(f"%25{byte:02x}" for byte in BYTES),
    "JSON escapes": "".join(f"\\u{byte:04x}" for byte in BYTES),
    "JSON escapes in JSON": "".join(f"\\\\u{byte:04X}" for byte in BYTES),
    "half of it escaped": KEY[:9] + "".join(f"\\u{byte:04x}" for byte in BYTES[9:]),
    "a slash escaped": KEY.replace("/", "\\u002f"),
    "a slash as some write JSON": KEY.replace("/", "\\/"),
    "Python's bytes": "".join(f"\\x{byte:02x}" for byte in BYTES),
    "octal": "".join(f"\\{byte:03o}" for byte in BYTES),
    "HTML": "".join(f"&#{byte};" for byte in BYTES),
    "HTML in hex": "".join(f"&#x{byte:X};" for byte in BYTES),
    "HTML, escaped": html.escape("".join(f"&#{byte};" for byte in BYTES)),
    "hex": BYTES.hex(),
    "hex in capitals": BYTES.hex().upper(),
    "hex with colons": BYTES.hex(":"),
    "hex with blanks": BYTES.hex(" "),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("before", ["", "api-key="])
@pytest.mark.parametrize("after", ["", "&x=1", " and more"])
def test_no_spelling_is_left(spelling: str, before: str, after: str) -> None:
    assert redacted(f"{before}{spelling}{after}", [KEY]) == f"{before}{MASK}{after}"


@pytest.mark.parametrize("before", [b"", b"u", b"us", b"user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_keeps_at_most_the_ends(before: bytes, encode: type[bytes]) -> None:
    text = bytes(encode(before + BYTES + b"@host")).decode()
    left = redacted(text, [KEY])
    assert MASK in left
    assert len(left.replace(MASK, "")) <= len(text) - len(KEY) * 4 // 3 + 2


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=SHORTEST_SECRET),
    st.data(),
)
def test_any_secret_escaped_anyhow_is_found(secret: str, data: st.DataObject) -> None:
    ways = [
        lambda each: each,
        lambda each: "".join(f"%{byte:02x}" for byte in each.encode()),
        lambda each: f"\\u{ord(each):04x}",
        lambda each: f"&#{ord(each)};",
    ]
    spelled = "".join(data.draw(st.sampled_from(ways))(each) for each in secret)
    assert redacted(f"<{spelled}>", [secret]).startswith(f"<{MASK}")


@pytest.mark.parametrize("kept", range(TELLING_PART, len(KEY)))
@pytest.mark.parametrize("end", ["", "...", "…"])
def test_a_beginning_at_the_end_of_a_cut_text_is_hidden(kept: int, end: str) -> None:
    assert redacted(f"GET /?api-key={KEY[:kept]}{end}", [KEY]) == f"GET /?api-key={MASK}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("postgresql://me:pw@h:1/d", f"postgresql://{MASK}@h:1/d"),
        ("postgresql://me:p@w/x@h/d?a=b", f"postgresql://{MASK}@h/d?a=b"),
        ("see https://h/p?api-key=abc&limit=3.", f"see https://h/p?api-key={MASK}&limit=3."),
        ("https://h/?API_KEY=abc", f"https://h/?API_KEY={MASK}"),
        ("host=h password=abc user=u", f"host=h password={MASK} user=u"),
        ("https://h/a and b@c", "https://h/a and b@c"),
    ],
)
def test_addresses_lose_their_secrets_although_nobody_named_them(said: str, shown: str) -> None:
    assert redacted(said, []) == shown


def test_ordinary_text_stays_as_it_is() -> None:
    text = "wallet 7Nq1Lx8y failed: HTTP 503 %41 \\u0041 canary-5 in a coal mine"
    assert redacted(text, [KEY, "", "abc"]) == text


def test_one_secret_inside_another_is_hidden_with_it() -> None:
    assert redacted("p=longer-password", ["password", "longer-password"]) == f"p={MASK}"


@pytest.mark.parametrize(
    "piece", ["a://", "token=", "x@", "\\", "%25", "&amp;", "&amp;#0", "canary-5", "63 ", "\\u{000"]
)
def test_no_text_takes_long(piece: str) -> None:
    began_s = time.process_time()
    redacted(piece * 50_000, [KEY])
    assert time.process_time() - began_s < 5.0
