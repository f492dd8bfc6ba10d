"""Words beside a scene, all of them."""

import pytest

from slam_frontend.viz.space.legend import MARGIN, ROW, SWATCH, Entry, broken, draw_legend

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install slam-frontend[viewer]")


def test_a_name_is_no_formula() -> None:
    assert (draw_legend([Entry("line", r"$\nonsense$")], 400) < 90).any()


def test_a_text_is_broken_where_it_has_to_be_and_nothing_of_it_is_lost() -> None:
    assert broken("two words", 9, len) == ["two words"]
    assert broken("", 9, len) == [""]
    assert broken("two words", 8, len) == ["two", "words"]
    assert broken("fr1_xyz-superpoint-fast, 3 landmarks", 20, len) == ["fr1_xyz-superpoint-", "fast, 3 landmarks"]
    assert broken("unbreakable", 4, len) == ["unbr", "eaka", "ble"]


def test_a_long_entry_takes_several_rows_and_stays_within_its_width() -> None:
    short, long = (draw_legend([Entry("line", text)], 400) for text in ("orb", "freiburg1_xyz-superpoint-fast, " * 4))
    assert len(long) > len(short)
    assert (long[:, -MARGIN:] == 255).all()
    assert (long[ROW + MARGIN :, SWATCH + MARGIN :] < 90).any()
