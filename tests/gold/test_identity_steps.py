"""Steps told by files fitted among tenancies: whatever they say, nobody has a ticker that another has."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.gold.identity.steps import EVER, NEVER, Followed, Node, follow

FIRST = date(2024, 6, 3)
_SEEN = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=3, max_size=3)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from("ABCD"),
        st.sampled_from(["A", "B", "C", "D", None]),
        st.dates(FIRST - timedelta(20), FIRST + timedelta(25)),
    ),
    max_size=6,
)


def _nodes(seen: list[list[bool]]) -> list[Node]:
    """Tenancies as directories a week apart show them: of each ticker whether it stood in each."""
    days = [FIRST + timedelta(days=7 * at) for at in range(4)]
    nodes: list[Node] = []
    for ticker, there in zip("ABC", seen, strict=True):
        for at, day in enumerate(days):
            if not there[at]:
                continue
            if at and there[at - 1]:
                node = nodes[-1]
            else:
                begun = (days[at - 1].toordinal() + 1 if at else EVER, day.toordinal())
                node = Node(ticker, len(nodes) + 1, day if at else None, None, begun, (0, 0))
                nodes.append(node)
            following = days[at + 1] if at < 3 else None
            node.end = following
            node.over = (day.toordinal() + 1, following.toordinal() if following else NEVER)
    return nodes


def _follow(nodes: list[Node], steps: list[tuple[str, str | None, date]]) -> list[Followed]:
    names = ("old_symbol", "new_symbol", "effective_date")
    ordered = sorted(steps, key=lambda step: (step[2], step[0], step[1] or ""))
    return follow(nodes, [{**dict(zip(names, step, strict=True)), "fetched_at": None} for step in ordered])


@settings(max_examples=400)
@given(_SEEN, _STEPS)
def test_tenancies_stay_apart(seen: list[list[bool]], steps: list[tuple[str, str | None, date]]) -> None:
    """Neither two securities have one ticker at a time, nor one security two; what directories saw stays so."""
    nodes = _nodes(seen)
    before = [(node, node.over[0] - 1, node.begun[1]) for node in nodes]
    _follow(nodes, steps)
    for of in (lambda node: node.ticker, lambda node: node.security):
        ordered = sorted(nodes, key=lambda node: (of(node), node.start or date.min, node.end or date.max))
        for one, other in pairwise(ordered):
            assert of(one) != of(other) or (one.end or date.max) <= (other.start or date.min)
    for node, last_seen, first_seen in before:
        assert (node.start or date.min).toordinal() <= first_seen
        assert (node.end or date.max).toordinal() > last_seen


@given(_SEEN, _STEPS)
def test_what_was_followed_once_is_followed_again(
    seen: list[list[bool]], steps: list[tuple[str, str | None, date]]
) -> None:
    """A step told twice, as by two files, changes nothing more."""
    once, twice = _nodes(seen), _nodes(seen)
    _follow(once, steps)
    _follow(twice, [*steps, *steps])
    spans = [(node.ticker, node.security, node.start, node.end) for node in once]
    assert [(node.ticker, node.security, node.start, node.end) for node in twice] == spans
