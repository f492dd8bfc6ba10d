"""Words beside a scene, all of them."""

import pytest

from slam_frontend.viz.space.legend import Entry, draw_legend

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install slam-frontend[viewer]")


def test_a_name_is_no_formula() -> None:
    assert (draw_legend([Entry("line", r"$\nonsense$")], 400) < 90).any()
