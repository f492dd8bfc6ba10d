"""The engine chooses the precision that the machine is fast in."""

import pytest
import torch
from torch import nn

from slam_frontend.training import engine


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("fpu avx512f amx_bf16 amx_tile", torch.bfloat16),
        ("fpu avx512f avx512_bf16", torch.bfloat16),
        ("fpu avx512f amx_tile", torch.float32),
        (None, torch.float32),
    ],
)
def test_a_cpu_works_in_bfloat16_where_it_does_so_in_hardware(monkeypatch, tmp_path, flags, dtype):
    monkeypatch.setattr(engine, "CPU_FLAGS", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\nbugs : none\n")
    assert engine.create_engine("cpu").dtype == dtype


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_network_runs_in_the_engines_precision(precision):
    chosen = engine.create_engine("cpu", precision)
    with chosen.autocast():
        assert nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8)).dtype == chosen.dtype == getattr(torch, precision)
