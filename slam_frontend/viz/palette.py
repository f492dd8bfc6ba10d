"""The colours of figures, pages and scenes: Okabe and Ito's, told apart with any kind of sight."""

BLACK, BLUE, VERMILION, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"

TRUTH, ONLINE, FINAL = BLACK, ORANGE, BLUE  # the truth is dashed as well
RUN_COLOURS = (FINAL, VERMILION, GREEN, PURPLE, ORANGE, SKY)  # of runs beside each other, in their order


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#RRGGBB``, 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
