"""Every setting and its default, once; a YAML file states differences only."""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slam_frontend.errors import ConfigError
from slam_frontend.types import Norm, Sensor


class Section(BaseModel):
    """Frozen settings; a key that isn't declared is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keep_the_rest(cls, settings: Any) -> Any:
        """Who changes one value of a section within this one keeps what its default states of the others."""
        if not isinstance(settings, dict):
            return settings
        stated = {
            name: field.default.model_dump(exclude_unset=True)
            for name, field in cls.model_fields.items()
            if name in settings and isinstance(field.default, Section)
        }
        return settings | {name: _over(default, settings[name]) for name, default in stated.items()}


T = TypeVar("T", bound=Section)
Scale = Annotated[float, Field(gt=0, le=1)]
TRACKING_SCALES = (1.0, 0.25)  # of the image: blur of 20 pixels is one of 5 in the smaller, for a sixteenth of the time
PHOTO_SCALES = (1.0, 0.5)  # views of one thing from near and far, as for a reconstruction, differ in size


class ExtractorConfig(Section):
    """Which features, and how many of them. A third party's extractor reads what it needs from ``options``."""

    name: str = "superpoint-fast"
    max_keypoints: int = Field(default=1000, ge=50, le=20000)
    weights: Path | None = None  # superpoint: a checkpoint; None means the shipped one
    threshold: float | None = Field(default=None, gt=0, lt=1)  # superpoint: None means the checkpoint's own
    nms_radius: int = Field(default=4, ge=1, le=32)
    border: int = Field(default=4, ge=0, le=64)
    scales: tuple[Scale, ...] | None = Field(default=None, min_length=1)  # superpoint: sizes of the image it looks at
    faint: bool | None = None  # superpoint: with points that are too weak for photographs; None: only to track
    sharpen: bool | None = None  # superpoint: points by the image's structure; None: as the checkpoint's card says
    spread: bool | None = None  # sift: over the image, or the strongest wherever they are; None: only to track
    runtime: Literal["auto", "torch", "openvino", "onnxruntime"] = "auto"  # auto: the fastest of what is installed
    precision: Literal["auto", "float", "half", "int8"] = "auto"  # auto: int8 where OpenVINO has it, half on a GPU
    own_process: bool | None = None  # extraction beside tracking; None: only in commands, and on two cores or more
    options: dict[str, Any] = Field(default_factory=dict)

    def for_tracking(self) -> "ExtractorConfig":
        """The same, with what tracking needs unless it says otherwise: points on all sides of the image, and such as a
        moving camera blurs, which are faint, and are seen in a quarter of the size if at all."""
        needed = {"spread": True, "faint": True, "scales": TRACKING_SCALES}
        return self.model_copy(update={key: value for key, value in needed.items() if getattr(self, key) is None})

    def at_full_size(self) -> "ExtractorConfig":
        """The same in the image's own size alone unless it says otherwise, for hosts that know one size."""
        return self if self.scales else self.model_copy(update={"scales": (1.0,)})


class MatcherConfig(Section):
    """How descriptors are compared; distances are L2 of unit rows or a fraction of the bits."""

    name: str = "nearest"
    ratio: float = Field(default=0.9, gt=0, le=1)
    max_distance_l2: float = Field(default=0.8, gt=0)
    max_distance_hamming: float = Field(default=0.3, gt=0, le=1)

    def max_distance(self, norm: Norm) -> float:
        """The greatest distance of a match under a norm."""
        return self.max_distance_l2 if norm == "l2" else self.max_distance_hamming


class DepthConfig(Section):
    """Where the depth of a keypoint is believed. Disparities are pixels, of wider images than 1280 more."""

    min_depth: float = Field(default=0.3, gt=0)
    max_depth: float = Field(default=8.0, gt=0)  # a depth camera's range; stereo is limited by its disparity
    min_disparity: float = Field(default=1.0, gt=0)
    max_disparity: float = Field(default=128.0, gt=0)

    @model_validator(mode="after")
    def _ranges_hold_something(self) -> "DepthConfig":
        if self.min_depth >= self.max_depth or self.min_disparity >= self.max_disparity:
            raise ValueError("expected a min_depth below max_depth and a min_disparity below max_disparity")
        return self


class TrackerConfig(Section):
    """Locating a view in the map. Radii are pixels at 640 columns, scaled with the image width."""

    search_radius: float = Field(default=12.0, gt=0)
    wide_search_radius: float = Field(default=40.0, gt=0)
    ransac_threshold: float = Field(default=3.0, gt=0)
    min_inliers: int = Field(default=15, ge=6)
    min_relocalization_inliers: int = Field(default=30, ge=6)
    patience: int = Field(default=30, ge=1)  # lost frames that see enough, before a new segment; fewer in a young map
    seed: int = Field(default=0, ge=0, lt=2**31)


class InitializerConfig(Section):
    """The first two views of a monocular map."""

    min_matches: int = Field(default=60, ge=8)
    min_inlier_fraction: float = Field(default=0.7, gt=0, le=1)
    min_parallax_deg: float = Field(default=2.0, gt=0)  # of a quarter of up to 400 points; of half without a rival
    ransac_threshold: float = Field(default=1.5, gt=0)  # pixels at up to 640 columns, scaled with greater widths


class MapperConfig(Section):
    """Which views become keyframes, and what the map keeps."""

    min_tracked_fraction: float = Field(default=0.75, gt=0, le=1)  # of the most landmarks since the last keyframe
    min_tracked: int = Field(default=100, ge=0)  # fewer landmarks than this in a frame call for new ones
    max_keyframe_gap: int = Field(default=30, ge=1)  # located frames
    min_shift: float = Field(default=40.0, ge=0)  # median pixels at 640 columns since the last keyframe
    min_parallax_deg: float = Field(default=0.7, gt=0)
    window: int = Field(default=8, ge=2)  # keyframes that bundle adjustment moves
    num_fixed: int = Field(default=8, ge=1)  # keyframes around them that hold them in place
    max_keyframes: int = Field(default=60, ge=4)  # kept in memory
    max_iterations: int = Field(default=8, ge=1)
    refine_distortion: bool = True  # of one camera whose images are said to have none, as rectified ones are


class RunConfig(Section):
    """One run of the frontend."""

    sensor: Literal["auto", "mono", "stereo", "rgbd"] = "auto"
    max_size: int | None = Field(default=1280, ge=64)  # pixels of the longer side; features of larger images: shrunk
    extractor: ExtractorConfig = ExtractorConfig()
    matcher: MatcherConfig = MatcherConfig()
    depth: DepthConfig = DepthConfig()
    tracker: TrackerConfig = TrackerConfig()
    initializer: InitializerConfig = InitializerConfig()
    mapper: MapperConfig = MapperConfig()

    @model_validator(mode="after")
    def _enough_for_a_map(self) -> "RunConfig":
        if self.extractor.max_keypoints < self.initializer.min_matches:
            raise ValueError("expected max_keypoints of the extractor from min_matches of the initializer upwards")
        return self


def load_config(model: type[T], path: Path | str | None = None, overrides: list[str] | None = None) -> T:
    """The settings of a YAML file with ``section.key=value`` overrides on top, or ConfigError naming file and key."""
    settings = _read_yaml(Path(path)) if path else {}
    for override in overrides or []:
        _apply(settings, override)
    return parse_config(model, settings, source=str(path) if path else "settings")


def parse_config(model: type[T], settings: object, source: str) -> T:
    """The validated section, or ConfigError with one sentence about the first thing that is wrong."""
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(model, error)}") from error


def parse_sensor(name: Sensor | str) -> Sensor:
    """The sensor of that name, or ConfigError."""
    try:
        return Sensor(name)
    except ValueError as error:
        raise ConfigError(f"sensor: expected {', '.join(Sensor)}, found {name!r}") from error


def dump_config(config: Section) -> str:
    """All settings as YAML, as the run really used them."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _over(default: Any, value: Any) -> Any:
    """A value in the place of its default, mappings key by key."""
    if not (isinstance(default, dict) and isinstance(value, dict)):
        return value
    return default | {key: _over(default.get(key), inner) for key, inner in value.items()}


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror}); name an existing YAML file") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of text that isn't UTF-8, or dates that don't exist
        raise ConfigError(f"{path}: is not valid YAML ({' '.join(str(error).split())})") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: expected sections with keys, found {type(settings).__name__}")
    return settings


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override}: expected section.key=value, such as tracker.min_inliers=20")
    *sections, name = key.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise ConfigError(f"--set {override}: {section} is a value, not a section")
    try:
        settings[name] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of dates that don't exist
        raise ConfigError(f"--set {override}: the value is not valid YAML") from error


def _explain(model: type[Section], error: ValidationError) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "value_error":  # our own, of a section that doesn't go together
        return f"{key}: {first['ctx']['error']}".removeprefix(": ") + f" (found {first['input']!r})"
    if first["type"] != "extra_forbidden":
        return f"{key}: {first['msg']} (found {first['input']!r})".removeprefix(": ")
    nearest = difflib.get_close_matches(key, _known_keys(model), n=1, cutoff=0.4)
    hint = f", did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(_known_keys(model))}"
    return f"{key} is unknown{hint}"


def _known_keys(model: type[Section], prefix: str = "") -> list[str]:
    keys = []
    for name, info in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            keys += _known_keys(info.annotation, f"{prefix}{name}.")
    return keys
