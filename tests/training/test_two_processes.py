"""The loop in two processes, as torchrun starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_loop import TINY, make_loop, weights_of
from torch import nn

from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.engine import create_engine

WORKER = """
import sys
sys.path[:0] = {folders!r}
from test_two_processes import {function}
{function}({path!r})
"""


def run_two_processes(function, path):
    """A function of this file by its name, in two processes that torchrun starts."""
    script = path.with_name("worker.py")
    folders = [str(folder) for folder in Path(__file__).parents[:2]]
    script.write_text(WORKER.format(folders=folders, function=function, path=str(path)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as torchrun:
        try:
            assert torchrun.wait(120) == 0
        finally:
            torchrun.terminate()  # and with it the two, should one wait for the other


def save_gradients(path):
    """What a process started by torchrun finds as gradients of its half of a batch."""
    engine = create_engine("cpu", "float32")
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(SuperPoint(TINY))
    images = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1)).chunk(engine.world)[engine.rank]
    whole_loss(model(images)).backward()
    if engine.rank == 0:
        torch.save({name: p.grad for name, p in model.module.named_parameters()}, path)
    torch.distributed.destroy_process_group()


def whole_loss(outputs):
    logits, descriptors = outputs
    return logits.square().flatten(1).mean(1).mean() + descriptors[:, 0].flatten(1).mean(1).mean()


@pytest.mark.slow
def test_two_processes_get_the_gradients_of_one(tmp_path):
    path = tmp_path / "gradients.pt"
    run_two_processes("save_gradients", path)
    torch.manual_seed(0)
    network = SuperPoint(TINY)
    whole_loss(network(torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1)))).backward()
    shared = torch.load(path, weights_only=True)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(shared[name], parameter.grad, atol=1e-6, rtol=1e-4)


def train_until_stopped(folder):
    """Trains for three steps, then the second process alone is asked to stop."""
    engine = create_engine("cpu", "float32")
    loop = make_loop(Path(folder), engine=engine, steps=6)
    loop.run(is_stopped=lambda: engine.rank == 1 and loop.step == 3)
    torch.save({"weights": weights_of(loop), "step": loop.step}, Path(folder) / f"process{engine.rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_train_one_network_and_stop_together(tmp_path):
    folder = tmp_path / "run"
    run_two_processes("train_until_stopped", folder)
    first, second = (torch.load(folder / f"process{rank}.pt", weights_only=True) for rank in range(2))
    assert first["step"] == second["step"] == 3
    torch.testing.assert_close(first["weights"], second["weights"], atol=0, rtol=0)
    assert [json.loads(line)["step"] for line in (folder / "log.jsonl").open()] == [3]
