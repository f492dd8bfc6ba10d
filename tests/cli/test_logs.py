"""What of the library's log is put before the user."""

import logging

from slam_frontend.cli.logs import MOST_ALIKE, warnings_on_stderr

logger = logging.getLogger("slam_frontend.somewhere")


def test_warnings_of_a_kind_are_shown_a_few_times_and_those_of_another_still(capsys) -> None:
    with warnings_on_stderr():
        for index in range(1000):
            logger.warning("frame %d: no depth", index)
            logger.warning("the camera is slow")
        logger.info("nobody needs to know")
        logger.warning("%s: of another kind", "map")
    expected = [f"warning: frame {index}: no depth" for index in range(MOST_ALIKE)]
    expected.insert(1, "warning: the camera is slow")
    expected[-1] += " (no more like this are shown)"
    expected.append("warning: map: of another kind")
    assert capsys.readouterr().err.splitlines() == expected
