"""The topology as a mermaid diagram, drawn from `topics.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamproc.topics import Topology

OUTSIDE: Final = frozenset({"backends", "subscribers", "operators"})


def graph(topology: Topology) -> str:
    """A flow chart: agents as boxes, outside parties as rounded ones, topics as cylinders' labels on the way."""
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"  {_party(name)}" for name in _parties(topology)]
    for topic in topology.topics:
        node = topic.name.replace("-", "_")
        lines.append(f'  {node}[("{topic.name}")]')
        lines += [
            f"  {name}_out --> {node}" if _is_both(name, topology) else f"  {name} --> {node}"
            for name in topic.producers
            if topic.event
        ]
        lines += [f"  {node} --> {name}" for name in topic.consumers]
    lines += [f"  every_agent[every agent] -.-> {topology.dead_letters.name.replace('-', '_')}"]
    return "\n".join([*lines, "```"])


def _parties(topology: Topology) -> list[str]:
    """Everybody who writes or reads, in the order of first mention; who does both from outside stands on both sides."""
    seen: dict[str, None] = {}
    for topic in topology.topics:
        for name in topic.producers if topic.event else ():
            seen[f"{name}_out" if _is_both(name, topology) else name] = None
        seen |= dict.fromkeys(topic.consumers)
    return list(seen)


def _is_both(name: str, topology: Topology) -> bool:
    """True for an outside party that writes and reads: drawn twice, the diagram has no way back."""
    writes = any(name in topic.producers for topic in topology.topics)
    reads = any(name in topic.consumers for topic in topology.topics)
    return name in OUTSIDE and writes and reads


def _party(name: str) -> str:
    """A party's node: a box for an agent, rounded for who is outside or only a clock."""
    plain = name.removesuffix("_out")
    if plain in OUTSIDE or plain == "timer":
        return f"{name}([{plain}])"
    return f"{name}[{plain} agent]"
