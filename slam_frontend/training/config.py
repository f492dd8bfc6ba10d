"""Every setting of the training recipe and its default."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from slam_frontend.config import Section
from slam_frontend.models.network_config import CELL, PAPER, NetworkConfig
from slam_frontend.training.homographies import HomographyConfig
from slam_frontend.training.photometric import STRONG, PhotometricConfig


def _whole_cells(size: tuple[int, int]) -> tuple[int, int]:
    if any(side < CELL or side % CELL for side in size):
        raise ValueError(f"expected height and width to be multiples of {CELL}, {CELL} or more")
    return size


def _as_several(paths: object) -> object:
    return [paths] if isinstance(paths, str | Path) else paths


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_several)]
Zoom = Annotated[float, Field(ge=0.05, le=20)]
Size = Annotated[tuple[int, int], AfterValidator(_whole_cells)]  # height, width


TAKEN = ("magicpoint", "photos", "validation_photos", "shapes", "shapes_validation")  # in the folder


class LoopConfig(Section):
    """How long and how fast a stage learns: AdamW with a warm-up and one cosine cycle."""

    steps: int = Field(default=10000, ge=1)
    minutes: float | None = Field(default=None, gt=0)  # the schedule follows the clock, ``steps`` at most
    batch: int = Field(default=32, ge=1)
    size: Size = (120, 160)  # of what the network sees
    late_size: Size | None = None  # the size towards the end, at the same number of pixels a batch
    late_fraction: float = Field(default=0.25, ge=0, le=1)
    rate: float = Field(default=2e-3, gt=0)
    final_rate: float = Field(default=0.005, ge=0, le=1)  # of ``rate``, at the end
    warmup: float = Field(default=0.03, ge=0, lt=1)  # of the cycle
    weight_decay: float = Field(default=1e-4, ge=0)
    clip: float = Field(default=5.0, gt=0)
    save_seconds: float = Field(default=30.0, gt=0)
    validations: int = Field(default=10, ge=1)  # in the whole cycle


class ShapesConfig(Section):
    """The synthetic images."""

    count: int = Field(default=24000, ge=1)
    validation: int = Field(default=500, ge=1)
    size: Size = (120, 160)
    workers: int = Field(default=1, ge=1)  # processes that render


class MagicPointConfig(Section):
    """The detector on shapes."""

    loop: LoopConfig = LoopConfig(steps=8000, rate=4e-3)
    photometric: PhotometricConfig = STRONG
    homography: HomographyConfig = HomographyConfig(rotation=3.15, scale=1.4, perspective=0.15, translation=0.1)


class LabelConfig(Section):
    """Homographic adaptation of photographs."""

    homographies: int = Field(default=100, ge=1)
    batch: int = Field(default=25, ge=1)  # warps at a time
    homography: HomographyConfig = HomographyConfig(rotation=1.57, scale=1.4, perspective=0.12, translation=0.1)
    erosion: int = Field(default=3, ge=0)
    count: int = Field(default=300, ge=1)
    threshold: float = Field(default=0.003, gt=0, lt=1)
    nms_radius: int = Field(default=4, ge=1)
    shard: int = Field(default=128, ge=1)  # photographs a file
    rounds: int = Field(default=1, ge=1, le=2)
    teacher: Path | None = None  # a checkpoint that labels instead of MagicPoint, such as the one that ships
    votes: bool = False  # views count with the keypoints that are found in them, not with their heatmaps: see votes.py
    sharpen: bool = False  # labels are placed by the image's structure, see models/heatmap.py


class JointConfig(Section):
    """Detector and descriptor on pairs of warped photographs."""

    loop: LoopConfig = LoopConfig(steps=30000, rate=2e-3, batch=16)
    start: Path | None = (
        None  # a checkpoint to go on from instead of MagicPoint; a smaller network's grows, see growth.py
    )
    keep_of_start: float = Field(default=0.0, ge=0, lt=1)  # its share in what ships, see models/superpoint.py: blend
    photometric: PhotometricConfig = PhotometricConfig()
    zoom: tuple[Zoom, Zoom] = (0.6, 2.2)  # pixels of the first view per pixel of the photograph
    first: HomographyConfig = HomographyConfig(rotation=0.35, scale=1.0, perspective=0.06, translation=0.0)
    second: HomographyConfig = HomographyConfig(rotation=0.8, scale=1.5, perspective=0.14, translation=0.15)
    mirrored: float = Field(default=0.0, ge=0, le=1)  # share of the photographs that are seen in a mirror
    target: Literal["soft", "hard"] = "soft"
    confidence_from_round: int = Field(default=2, ge=1)  # labels count as often as views found them; fully before
    teacher: Path | None = None  # a larger network's checkpoint: the detector learns what it sees, not the labels
    settle: bool = True  # labels move to where both views see the point, see settling.py
    descriptor_loss: Literal["dual_softmax", "sparse_hinge", "hardest_triplet", "dense_hinge"] = "dual_softmax"
    descriptor_weight: float = Field(default=0.5, ge=0)
    temperature: float = Field(default=0.07, gt=0)  # of dual_softmax; the lower, the more the nearest wrong ones count
    plain_weight: float = Field(default=1.0, ge=0, le=1)  # of places that are no label's, in the sparse losses
    places: int = Field(default=256, ge=8)  # correspondences a pair, for the sparse losses
    inset: int = Field(default=4, ge=0)  # pixels at the photograph's border that nothing is learned from

    @model_validator(mode="after")
    def _has_one_target(self) -> "JointConfig":
        if self.teacher is not None and self.target == "hard":
            raise ValueError(
                "expected teacher or target: hard, found both: what a teacher sees is soft; set one of them"
            )
        return self


class TrainingConfig(Section):
    """The whole recipe."""

    name: str = Field(default="superpoint", pattern=r"^\w[\w.-]*$")  # of the files that ship
    folder: Path = Path("runs/superpoint")
    photos: Paths = ()
    validation_photos: Path | None = None
    validation_count: int = Field(default=96, ge=1)  # photographs that validation looks at
    photo_size: Size = (240, 320)  # that photographs are brought to
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    tensorboard: bool = False
    sharpen: bool = True  # what the card will say: keypoints are placed by the image's structure
    threshold: float = Field(default=0.003, gt=0, lt=1)  # likewise, a keypoint's least score; training lowers scores
    network: NetworkConfig = PAPER
    shapes: ShapesConfig = ShapesConfig()
    magicpoint: MagicPointConfig = MagicPointConfig()
    label: LabelConfig = LabelConfig()
    joint: JointConfig = JointConfig()

    @property
    def file_name(self) -> str:
        """Of what ships, without its suffix."""
        return self.name.replace("-", "_")

    @model_validator(mode="after")
    def _goes_together(self) -> "TrainingConfig":
        if self.file_name in TAKEN:
            raise ValueError(f"expected a name of its own, and {self.name} is that of a file which training needs")
        if 2 * self.joint.inset + CELL > min(self.photo_size):
            raise ValueError(f"expected a joint.inset that leaves something of photographs of {self.photo_size}")
        if {self.shapes.size, self.magicpoint.loop.size, self.magicpoint.loop.late_size} - {None, self.shapes.size}:
            raise ValueError("expected magicpoint.loop.size and late_size as shapes.size: views are of whole shapes")
        if self.joint.keep_of_start and self.joint.start is None:
            raise ValueError("expected joint.start beside joint.keep_of_start: the checkpoint that a share is kept of")
        return self
