"""What the broker is started with."""

from __future__ import annotations

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.local.broker import cluster_id


@given(st.binary(min_size=16, max_size=16))
@example(b"\xf8" + bytes(15))  # the bytes that would begin with a hyphen
@example(b"\xff" * 16)
def test_a_cluster_id_is_never_taken_for_an_option_and_keeps_its_bytes(unique: bytes) -> None:
    found = cluster_id(unique)
    assert len(found) == 22
    assert not found.startswith("-")
    assert base64.urlsafe_b64decode(found + "==")[1:] == unique[1:]
