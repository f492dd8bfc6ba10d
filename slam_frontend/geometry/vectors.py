"""Rows of vectors."""

import numpy as np

from slam_frontend.types import Array


def row_dots(vectors0: Array, vectors1: Array) -> Array:
    """(N,) products of the rows of two (N,D); summing along a short axis is slow in numpy."""
    return np.asarray(np.einsum("ni,ni->n", vectors0, vectors1))
