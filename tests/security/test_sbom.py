"""The bill of materials names everything that the image consists of, as CycloneDX has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.checkout.test_containers import pins

TOP = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_bill_is_valid_reproducible_and_whole(tmp_path: Path) -> None:
    texts = []
    for name in ("first", "second"):
        file = tmp_path / name
        done = subprocess.run(
            [TOP / "run", "sbom", "--output-file", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        texts.append(file.read_text("utf-8"))
    assert texts[0] == texts[1]
    content = json.loads(texts[0])
    assert (
        JsonStrictValidator(SchemaVersion.from_version(content["specVersion"])).validate_str(
            texts[0]
        )
        is None
    )
    listed = {f"{each['name']}=={each['version']}": each for each in content["components"]}
    locked = pins("requirements-image.lock")
    assert set(listed) == set(locked)
    for pin, hashes in locked.items():
        named = {
            f"sha256:{each['content']}"
            for reference in listed[pin]["externalReferences"]
            for each in reference.get("hashes", [])
        }
        assert named == set(hashes)
    assert content["metadata"]["component"]["name"] == "streamproc"
