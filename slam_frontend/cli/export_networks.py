"""``slam-frontend export onnx``, ``torchscript``, ``openvino`` and ``int8``: the network alone."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slam_frontend.cli.logs import warnings_on_stderr
from slam_frontend.cli.options import AsJson
from slam_frontend.cli.progress import progress_bar

if TYPE_CHECKING:
    from slam_frontend.export.networks import Format

Weights = Annotated[Path | None, typer.Option(help="A checkpoint; the shipped one if not given.")]
Name = Annotated[str, typer.Option("--features", help="superpoint or superpoint-fast.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (onnx, torchscript, openvino, int8):
        app.command()(command)


def onnx(
    out: Annotated[Path, typer.Argument(help="The .onnx file.")],
    features: Name = "superpoint-fast",
    weights: Weights = None,
    json: AsJson = False,
) -> None:
    """Write the network as an ONNX graph, checked against ours."""
    _export_network("onnx", out, features, weights, json)


def torchscript(
    out: Annotated[Path, typer.Argument(help="The TorchScript file.")],
    features: Name = "superpoint-fast",
    weights: Weights = None,
    json: AsJson = False,
) -> None:
    """Write the network for libtorch, checked against ours."""
    _export_network("torchscript", out, features, weights, json)


def openvino(
    out: Annotated[Path, typer.Argument(help="The .xml file; the weights go beside it as .bin.")],
    features: Name = "superpoint-fast",
    weights: Weights = None,
    json: AsJson = False,
) -> None:
    """Write the network for OpenVINO, checked against ours."""
    if out.suffix != ".xml":
        raise typer.BadParameter("OpenVINO's graph needs a name that ends in .xml", param_hint="OUT")
    _export_network("openvino", out, features, weights, json)


def int8(
    photos: Annotated[Path, typer.Argument(help="A folder or tar file of photographs to calibrate on.")],
    features: Name = "superpoint-fast",
    weights: Weights = None,
    json: AsJson = False,
) -> None:
    """Write the network in eight bits beside its checkpoint, where OpenVINO takes it from, checked against float."""
    from slam_frontend.export.int8 import export_int8
    from slam_frontend.features.superpoint import shipped_weights
    from slam_frontend.files import to_json

    with warnings_on_stderr(), progress_bar() as watch:
        watch("int8", 0, 0)
        path, agreement = export_int8(weights or shipped_weights(features), photos)
    if json:
        print(to_json({"file": str(path), **asdict(agreement)}))
        return
    found_again, similarity = f"{agreement.found_again:.1%}", f"{agreement.similarity:.4f}"
    print(f"{path}: finds {found_again} of the keypoints again, descriptors have a cosine of {similarity}")


def _export_network(format: "Format", out: Path, features: str, weights: Path | None, as_json: bool) -> None:
    from slam_frontend.export.networks import export_network
    from slam_frontend.features.superpoint import shipped_weights
    from slam_frontend.files import to_json

    with warnings_on_stderr(), progress_bar() as watch:
        watch(format, 0, 0)
        difference = export_network(weights or shipped_weights(features), out, format)
    if as_json:
        print(to_json({"file": str(out), "largest_difference": difference}))
    else:
        print(f"{out}: differs by {difference:.1e} at most from the network in torch")
