"""Valid answers made wrong: types changed, keys missing, lists for objects, deep, huge, odd numbers and texts."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

#: What JSON cannot be dumped from: put in as a word, replaced in the text.
_RAW = {
    "RAW-NAN": "NaN",
    "RAW-INFINITY": "-Infinity",
    "RAW-HUGE": "1e400",
    "RAW-DIGITS": "9" * 5000,
    "RAW-DEEP": '{"value": ' * 3000 + "1" + "}" * 3000,
    "RAW-LIST": "[" * 900 + "]" * 900,
}
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 7.0, 6.5, 10**30, -(10**30), 1e300, "", " ", "7", "1,234", "abc", "a\0b", "a\ud83d",
    "../..", "x" * 5000, "\u202e", [], {}, [[]], [{}], [None], {"": ""}, {"value": []}, {"type": 1},
    "0000-13-99T99:99:99Z", *_RAW,
)  # fmt: skip

Place = tuple[Any, Any]


def mutated(answer: Any, seed: int) -> bytes:
    """The answer as JSON with one to three of its values changed; the same for the same seed."""
    rng = random.Random(seed)
    holder = {"": json.loads(json.dumps(answer))}
    for _ in range(rng.randint(1, 3)):
        node, key = rng.choice(_places(holder))
        rng.choice(_CHANGES)(rng, node, key)
    text = json.dumps(holder[""])
    for word, raw in _RAW.items():
        text = text.replace(f'"{word}"', raw)
    return text.encode()


def _places(root: Any) -> list[Place]:
    found: list[Place] = []
    pending = [root]
    while pending:
        node = pending.pop()
        inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in inner:
            found.append((node, key))
            pending.append(value)
    return found


def _replace(rng: random.Random, node: Any, key: Any) -> None:
    node[key] = deepcopy(rng.choice(_ODD))


def _remove(_: random.Random, node: Any, key: Any) -> None:
    if key != "":
        del node[key]


def _wrap(_: random.Random, node: Any, key: Any) -> None:
    node[key] = [node[key]]


def _unwrap(_: random.Random, node: Any, key: Any) -> None:
    inner = list(node[key].values()) if isinstance(node[key], dict) else node[key]
    node[key] = inner[0] if isinstance(inner, list) and inner else inner


def _as_text(_: random.Random, node: Any, key: Any) -> None:
    node[key] = json.dumps(node[key])


def _twice(_: random.Random, node: Any, key: Any) -> None:
    node[key] = [node[key], deepcopy(node[key])]


_CHANGES: tuple[Callable[[random.Random, Any, Any], None], ...] = (
    _replace, _replace, _replace, _remove, _wrap, _unwrap, _as_text, _twice,
)  # fmt: skip
