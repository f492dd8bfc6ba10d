"""The engine chooses the precision that the machine is fast in."""

import pytest
import torch
from torch import nn

from slam_frontend.training import engine


@pytest.mark.parametrize(("has_amx", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_cpu_works_in_bfloat16_where_it_does_so_in_hardware(monkeypatch, has_amx, dtype):
    monkeypatch.setattr(engine, "has_amx", lambda: has_amx)
    assert engine.create_engine("cpu").dtype == dtype


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_network_runs_in_the_engines_precision(precision):
    chosen = engine.create_engine("cpu", precision)
    with chosen.autocast():
        assert nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8)).dtype == chosen.dtype == getattr(torch, precision)
