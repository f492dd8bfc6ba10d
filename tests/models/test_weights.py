"""Checkpoints come back as they were written, and bad ones are refused with a sentence."""

import json
import pickle

import pytest
import torch

from slam_frontend.errors import WeightsError
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import load_checkpoint, save_checkpoint


def test_a_checkpoint_comes_back_with_its_card(tmp_path):
    network = SuperPoint(FAST, norm=True).eval()
    card = Card(name="superpoint-fast", network=FAST, step=12, seed=3, metrics={"repeatability": 0.5})
    save_checkpoint(tmp_path / "x.pt", network, card)
    loaded, loaded_card = load_checkpoint(tmp_path / "x.pt")
    assert loaded_card == card
    assert json.loads((tmp_path / "x.json").read_text())["step"] == 12
    images = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images)[0], network(images)[0], atol=1e-5, rtol=1e-5)


def test_another_networks_graph_does_not_stay_beside_a_checkpoint(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"of the network that was here before")
    save_checkpoint(tmp_path / "x.pt", SuperPoint(FAST), Card(name="superpoint-fast", network=FAST))
    assert not (tmp_path / "x.onnx").exists()


def test_a_plain_state_dict_with_the_published_names_loads(tmp_path):
    network = SuperPoint()
    torch.save(network.state_dict(), tmp_path / "superpoint_v1.pth")
    loaded, card = load_checkpoint(tmp_path / "superpoint_v1.pth")
    assert card.name == "superpoint_v1"
    torch.testing.assert_close(loaded.state_dict()["convDb.weight"], network.state_dict()["convDb.weight"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("conv3a.bias"), "conv3a.bias is missing"),
        (lambda state: state.update({"conv1a.weight": torch.zeros(2, 2)}), "conv1a.weight should have shape"),
        (lambda state: state.update({"extra": torch.zeros(1)}), "extra is unknown"),
    ],
)
def test_another_networks_tensors_are_named(tmp_path, change, sentence):
    state = SuperPoint().state_dict()
    change(state)
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match=sentence):
        load_checkpoint(tmp_path / "x.pt")


def test_a_missing_or_damaged_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(WeightsError, match="nothing.pt"):
        load_checkpoint(tmp_path / "nothing.pt")
    torch.save(SuperPoint(FAST).state_dict(), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for content in (b"", b"half of a checkpoint", b"\x80\x02 not a checkpoint", whole[:100], whole[: len(whole) // 2]):
        (tmp_path / "noise.pt").write_bytes(content)
        with pytest.raises(WeightsError, match="damaged"):
            load_checkpoint(tmp_path / "noise.pt")
    (tmp_path / "list.pt").write_bytes(b"")
    with pytest.raises(WeightsError, match="list.pt"):
        load_checkpoint(tmp_path / "list.pt")


def test_code_hidden_in_a_checkpoint_does_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    with (tmp_path / "trap.pt").open("wb") as file:
        pickle.dump({"network": Trap(), "card": "{}"}, file)
    with pytest.raises(WeightsError):
        load_checkpoint(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()
