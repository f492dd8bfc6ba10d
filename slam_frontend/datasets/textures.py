"""Paint for rendered walls and boxes, and the mip-mapped atlas that it is sampled from."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from slam_frontend.types import Array

LEVELS = 5
GUTTER = 1 << (LEVELS - 1)  # texels around a picture, so that the coarsest level doesn't bleed into the next
INKS = (
    (196, 62, 48),
    (38, 92, 160),
    (232, 190, 72),
    (58, 132, 84),
    (30, 32, 38),
    (236, 232, 222),
    (150, 96, 58),
)


@dataclass(frozen=True)
class Atlas:
    """Pictures side by side with all their coarser levels, in one image."""

    image: Array  # (H,W,3) uint8
    corners: Array  # (N,2) x, y of each picture's first texel at the finest level
    offsets: Array  # (LEVELS,2) x, y where a level begins

    def sample(self, texels: Array, level: Array) -> Array:
        """(H,W,3) uint8 colours at (H,W,2) float32 texels of the finest level, read from the nearest level."""
        level = np.clip(np.rint(level), 0, LEVELS - 1).astype(np.int32)
        shrink = np.exp2(-np.arange(LEVELS)).astype(np.float32)[level]
        place = (texels + 0.5) * shrink[..., None] - 0.5 + self.offsets[level]
        colours: Array = cv2.remap(self.image, place, None, cv2.INTER_LINEAR)
        return colours


def build_atlas(pictures: list[Array]) -> Atlas:
    """All pictures packed on shelves, with a margin that repeats their borders."""
    width = max(4096, max(picture.shape[1] for picture in pictures) + 2 * GUTTER)
    width += -width % GUTTER
    corners, height = _place(pictures, width)
    finest = np.zeros((height, width, 3), np.uint8)
    for picture, (x, y) in zip(pictures, corners, strict=True):
        padded = cv2.copyMakeBorder(picture, *(GUTTER,) * 4, cv2.BORDER_REPLICATE)
        finest[y - GUTTER :, x - GUTTER :][: padded.shape[0], : padded.shape[1]] = padded
    return Atlas(*_stack_levels(finest, corners))


def _place(pictures: list[Array], width: int) -> tuple[Array, int]:
    corners = np.zeros((len(pictures), 2), np.int32)
    x = y = shelf = 0
    for row in sorted(range(len(pictures)), key=lambda row: -pictures[row].shape[0]):
        picture_height, picture_width = (side + 2 * GUTTER for side in pictures[row].shape[:2])
        if x + picture_width > width:
            x, y, shelf = 0, y + shelf, 0
        corners[row] = x + GUTTER, y + GUTTER
        x, shelf = x + picture_width, max(shelf, picture_height)
    return corners, y + shelf + -(y + shelf) % GUTTER


def _stack_levels(finest: Array, corners: Array) -> tuple[Array, Array, Array]:
    height, width = finest.shape[:2]
    image = np.zeros((height + height // 2, width, 3), np.uint8)
    image[:height] = finest
    offsets = np.zeros((LEVELS, 2), np.float32)
    x, level = 0, finest
    for row in range(1, LEVELS):
        level = cv2.resize(level, (level.shape[1] // 2, level.shape[0] // 2), interpolation=cv2.INTER_AREA)
        image[height:, x:][: level.shape[0], : level.shape[1]] = level
        offsets[row] = x, height
        x += level.shape[1]
    return image, corners.astype(np.float32), offsets


def paint(kind: str, width: float, height: float, density: float, rng: np.random.Generator) -> Array:
    """A (h,w,3) uint8 picture of so many metres with ``density`` texels a metre; PAINTERS names the kinds."""
    shape = max(8, round(height * density)), max(8, round(width * density))
    canvas = _clouds(shape, rng.uniform(110, 200, 3), rng)
    PAINTERS[kind](canvas, density, rng)
    painted: Array = cv2.GaussianBlur(canvas, (0, 0), 0.6)
    return painted


def _clouds(shape: tuple[int, int], colour: Array, rng: np.random.Generator) -> Array:
    noise = np.zeros((2, 2), np.float32)
    for shrink in (64, 32, 16, 8, 4, 2):
        size = shape[1] // shrink + 2, shape[0] // shrink + 2
        noise = cv2.resize(noise, size) + rng.standard_normal(size[::-1], np.float32)
    noise = cv2.resize(6 * noise, shape[::-1])
    canvas: Array = cv2.merge([cv2.convertScaleAbs(noise, beta=value) for value in colour])
    return canvas


def _ink(rng: np.random.Generator) -> tuple[int, ...]:
    colour = INKS[rng.integers(len(INKS))]
    return tuple(
        int(min(max(value + 18 * shift, 0), 255)) for value, shift in zip(colour, rng.normal(size=3), strict=True)
    )


def _plain(canvas: Array, density: float, rng: np.random.Generator) -> None:
    flat = canvas.mean((0, 1))
    canvas[:] = cv2.addWeighted(canvas, 0.15, np.full_like(canvas, flat), 0.85, 0)


def _posters(canvas: Array, density: float, rng: np.random.Generator) -> None:
    area = canvas.shape[0] * canvas.shape[1] / density**2
    for _ in range(int(5 + 2.2 * area)):
        width, height = (int(side) for side in rng.uniform(0.25, 0.9, 2) * density)
        x, y = (int(rng.uniform(0, max(1, limit))) for limit in (canvas.shape[1] - width, canvas.shape[0] - height))
        sheet = canvas[y : y + height, x : x + width]
        sheet[:] = _ink(rng)
        _draw_sheet(sheet, density, rng)
        cv2.rectangle(sheet, (0, 0), (sheet.shape[1] - 1, sheet.shape[0] - 1), _ink(rng), max(1, int(0.015 * density)))


def _draw_sheet(sheet: Array, density: float, rng: np.random.Generator) -> None:
    drawing = rng.integers(4)
    if drawing == 0:
        _write(sheet, density, rng)
    elif drawing == 1:
        _checker(sheet, int(rng.uniform(0.03, 0.09) * density) + 2, rng)
    else:
        _scatter(sheet, density, rng)


def _write(sheet: Array, density: float, rng: np.random.Generator) -> None:
    ink, scale = _ink(rng), density / 450 * rng.uniform(0.8, 1.8)
    for y in range(int(32 * scale), sheet.shape[0], int(34 * scale) + 3):
        letters = "".join(chr(code) for code in rng.integers(48, 91, 40))
        thickness = max(1, int(2.5 * scale))
        cv2.putText(sheet, letters, (3, y), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)


def _checker(sheet: Array, cell: int, rng: np.random.Generator) -> None:
    rows, columns = np.indices(sheet.shape[:2]) // cell
    dark = rng.random((rows.max() + 1, columns.max() + 1)) < 0.5  # random cells: no two places look alike
    sheet[dark[rows, columns]] = _ink(rng)


def _scatter(sheet: Array, density: float, rng: np.random.Generator) -> None:
    for _ in range(int(6 + 60 * sheet.shape[0] * sheet.shape[1] / density**2)):
        centre = rng.uniform((0, 0), sheet.shape[1::-1])
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        corners = centre + rng.uniform(0.02, 0.12) * density * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(sheet, [np.rint(corners * 16).astype(np.int32)], _ink(rng), cv2.LINE_AA, shift=4)


def _books(canvas: Array, density: float, rng: np.random.Generator) -> None:
    board = max(2, int(0.03 * density))
    for y in range(0, canvas.shape[0], int(0.32 * density)):
        cv2.rectangle(canvas, (0, y), (canvas.shape[1], y + board), (112, 78, 52), -1)
        x, foot = 0, y + int(0.32 * density)
        while x < canvas.shape[1]:
            width, height = int(rng.uniform(0.02, 0.07) * density) + 1, int(rng.uniform(0.18, 0.28) * density)
            cv2.rectangle(canvas, (x, foot - height), (x + width, foot - 1), _ink(rng), -1)
            band = foot - int(rng.uniform(0.3, 0.9) * height)
            cv2.rectangle(canvas, (x, band), (x + width, band + board), _ink(rng), -1)
            x += width + 1


def _planks(canvas: Array, density: float, rng: np.random.Generator) -> None:
    for y in range(0, canvas.shape[0], max(3, int(0.14 * density))):
        x = -int(rng.uniform(0, 0.25) * density)
        while x < canvas.shape[1]:
            length = int(rng.uniform(0.3, 0.9) * density)
            wood = tuple(int(value) for value in np.array((166, 120, 80)) * rng.uniform(0.55, 1.25))
            board = canvas[y : y + int(0.14 * density), max(x, 0) : x + length]
            board[:] = cv2.addWeighted(board, 0.3, np.full_like(board, wood), 0.7, 0)
            cv2.rectangle(canvas, (x, y), (x + length, y + int(0.14 * density)), (60, 42, 30), 1, cv2.LINE_AA)
            x += length
    _scatter_marks(canvas, density, rng)


def _scatter_marks(canvas: Array, density: float, rng: np.random.Generator) -> None:
    for _ in range(int(12 * canvas.shape[0] * canvas.shape[1] / density**2)):
        centre = tuple(int(value) for value in rng.uniform((0, 0), canvas.shape[1::-1]))
        cv2.circle(canvas, centre, max(1, int(rng.uniform(0.006, 0.02) * density)), _ink(rng), -1, cv2.LINE_AA)


def _crate(canvas: Array, density: float, rng: np.random.Generator) -> None:
    canvas[:] = cv2.addWeighted(canvas, 0.4, np.full_like(canvas, _ink(rng)), 0.6, 0)
    _scatter(canvas, density, rng)
    height, width = canvas.shape[:2]
    label = canvas[int(0.3 * height) : int(0.75 * height), int(0.15 * width) : int(0.7 * width)]
    if rng.random() < 0.6:
        label[:] = _ink(rng)
        _write(label, density, rng)
    cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), _ink(rng), max(1, int(0.02 * density)))


PAINTERS: dict[str, Callable[[Array, float, np.random.Generator], None]] = {
    "plain": _plain,
    "posters": _posters,
    "books": _books,
    "planks": _planks,
    "crate": _crate,
}
