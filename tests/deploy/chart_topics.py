"""The topics as the chart renders them for Strimzi, made of `topics.yaml`: `python -m tests.deploy.chart_topics`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamproc.kafka.wanted_topics import wanted_topics
from streamproc.topics import read_topology

FILE = Path(__file__).parents[2] / "deploy/helm/streamproc/files/topics.json"


def chart_topics() -> list[dict[str, Any]]:
    """Each topic: its name without what an installation puts before it, its partitions, its configuration."""
    topology = read_topology()
    changelogs = {table.changelog("") for table in topology.tables}
    return [
        {
            "name": topic.name,
            "isChangelog": topic.name in changelogs,
            "partitions": topic.partitions,
            "config": dict(topic.config),
        }
        for topic in wanted_topics(topology, prefix="", app_id="")
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps(chart_topics(), indent=2) + "\n", encoding="utf-8")
