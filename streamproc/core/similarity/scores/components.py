"""Connected components."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def components(nodes: int, ends_a: Sequence[int], ends_b: Sequence[int]) -> list[list[int]]:
    """Return the connected components of at least two nodes, members ascending; largest first, then by first member."""
    root = list(range(nodes))
    for a, b in zip(ends_a, ends_b, strict=True):
        first, second = sorted((_root(root, a), _root(root, b)))
        root[second] = first
    groups: dict[int, list[int]] = {}
    for node in range(nodes):
        groups.setdefault(_root(root, node), []).append(node)
    found = [group for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group[0]))


def _root(root: list[int], node: int) -> int:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
