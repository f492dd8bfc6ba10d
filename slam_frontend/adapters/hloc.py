"""Features and matches in hloc's two HDF5 files."""

from pathlib import Path
from typing import Any

import numpy as np

from slam_frontend.adapters.binary import as_floats
from slam_frontend.adapters.photogrammetry import Job, Material, Report
from slam_frontend.adapters.workbench import Workbench
from slam_frontend.errors import SequenceError
from slam_frontend.optional import require
from slam_frontend.types import Array, Features, Matches, Norm
from slam_frontend.watch import Watch, ignore_progress

FEATURES, MATCHES, PAIRS = "features.h5", "matches.h5", "pairs.txt"


def export_hloc(job: Job, half: bool = True, watch: Watch = ignore_progress) -> Report | None:
    """Write features.h5, matches.h5 and pairs.txt; None where they stand already.

    ``half`` is hloc's own default; beyond 512 pixels it rounds keypoints to half pixels, beyond 1024 to whole ones,
    beyond 2048 to even ones.
    """
    h5py = require("h5py", extra="hloc")
    _require_names_for_hloc(job)
    bench = Workbench(job.out, job.settings("hloc", half=half))
    if bench.is_finished:
        return None
    material = Material(job, bench, watch)
    kind = np.float16 if half else np.float32
    counts = {"keypoints": 0, "pairs": 0, "matches": 0}

    def write_features(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, features, size in material.features():
                put_features(file, name, features, size, kind)
                counts["keypoints"] += len(features)

    def write_matches(path: Path) -> None:
        norm = next(features.norm for _, features, _ in material.features())
        sizes = {name: len(features) for name, features, _ in material.features()}
        with h5py.File(path, "w") as file:
            for name0, name1, matches in material.matches():
                put_matches(file, (name0, name1), matches, sizes[name0], norm)
                counts["pairs"] += 1
                counts["matches"] += len(matches)

    bench.publish(FEATURES, write_features)
    bench.publish(MATCHES, write_matches)
    lines = [f"{name0} {name1}\n" for name0, name1, _ in material.matches()]
    bench.publish(PAIRS, lambda path: path.write_text("".join(lines), "utf-8"))
    bench.finish()
    return Report(len(job.names) - len(material.skipped), tuple(material.skipped.values()), **counts)


def put_features(file: Any, name: str, features: Features, size: tuple[int, int], kind: type = np.float16) -> None:
    """Add the group of an image to an open features.h5; descriptors stand in columns there."""
    group = file.create_group(name)
    keypoints = group.create_dataset("keypoints", data=features.keypoints.astype(kind))
    keypoints.attrs["uncertainty"] = float(features.scales.mean()) if len(features) else 1.0  # pixels of the image
    group.create_dataset("scores", data=features.scores.astype(kind))
    group.create_dataset("descriptors", data=as_floats(features).T.astype(kind))
    group.create_dataset("image_size", data=np.array(size))


def put_matches(file: Any, names: tuple[str, str], matches: Matches, count: int, norm: Norm) -> None:
    """Add the group of a pair, whose first image has ``count`` keypoints, to an open matches.h5."""
    group = file.create_group("/".join(_group_name(name) for name in names))
    partners, scores = np.full(count, -1, np.int16), np.zeros(count, np.float16)
    partners[matches.indices[:, 0]] = matches.indices[:, 1]
    scores[matches.indices[:, 0]] = similarity(matches.distances, norm)
    group.create_dataset("matches0", data=partners)
    group.create_dataset("matching_scores0", data=scores)


def _group_name(name: str) -> str:
    return name.replace("/", "-")


def _require_names_for_hloc(job: Job) -> None:
    spaced = next((name for pair in job.pairs for name in pair if name.split() != [name]), None)
    if spaced is not None:
        raise SequenceError(
            f"{job.images / spaced}: hloc takes a space in pairs.txt for the end of a name; rename the file, "
            "or export for COLMAP"
        )
    named: dict[str, str] = {}
    for name in job.names:
        other = named.setdefault(_group_name(name), name)
        if other != name:
            raise SequenceError(f"{job.images}: hloc takes {other} and {name} for one image; rename one of them")


def similarity(distances: Array, norm: Norm) -> Array:
    """Distances as scores, 1 for the same descriptor and 0.5 for an unrelated one."""
    return 1 - distances**2 / 4 if norm == "l2" else 1 - distances
