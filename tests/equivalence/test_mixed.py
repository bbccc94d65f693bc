"""Everything inside everything."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support import objects as o
from support.check import check, check_all
from support.plugin import examples


@examples(700)
@given(st.lists(o.anything(), min_size=5, max_size=5))
def test_mixtures(values: list[Any]) -> None:
    """Containers of objects of containers."""
    check_all(values)


@examples(150)
@given(
    st.dictionaries(
        st.sampled_from(["messages", "docs", "state", "__start__", "branch:to:x"]),
        o.anything(),
        min_size=1,
    )
)
def test_states(state: dict[str, Any]) -> None:
    """A dict of channels, as a checkpoint is."""
    check(
        {
            "v": 4,
            "id": "1f0",
            "ts": "2024-01-01T00:00:00+00:00",
            "channel_values": state,
            "channel_versions": {k: "00000000000000000000000000000002.0.1" for k in state},
            "versions_seen": {"__input__": {}, "n": {"branch:to:n": 2}},
            "updated_channels": sorted(state),
        }
    )
