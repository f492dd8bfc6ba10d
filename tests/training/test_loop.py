"""The loop goes on where it was killed and keeps the last good checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_loop import CPU, Reconstruct, make_loop, weights_of

from slam_frontend.errors import ConfigError
from slam_frontend.models.network_config import NetworkConfig
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import LoopConfig
from slam_frontend.training.loop import LAST, Loop, TrainingError, learning_rate


def test_a_run_in_two_halves_ends_where_a_whole_one_does(tmp_path):
    whole = make_loop(tmp_path / "whole")
    assert whole.run()
    half = make_loop(tmp_path / "halves")
    for _ in range(5):
        half.advance()
    half.save(LAST)
    second = make_loop(tmp_path / "halves")
    assert second.run()
    assert second.step == whole.step == 12
    torch.testing.assert_close(weights_of(second), weights_of(whole), atol=0, rtol=0)


def test_every_step_of_every_seed_draws_other_numbers(tmp_path):
    drawn = []

    class Noting(Reconstruct):
        def losses(self, network, batch, size, generator):
            drawn.append(float(torch.rand(1, generator=generator)))
            return super().losses(network, batch, size, generator)

    for seed in (0, 1):
        loop = make_loop(tmp_path, Noting(), seed=seed)
        for _ in range(3):
            loop.advance()
    assert len(set(drawn)) == 6


def test_who_goes_on_does_so_with_what_the_config_says_now(tmp_path):
    half = make_loop(tmp_path)
    half.advance()
    half.save(LAST)
    second = make_loop(tmp_path, weight_decay=0.5)
    second.resume()
    assert [group["weight_decay"] for group in second.optimizer.param_groups] == [0.5]


def test_a_run_that_is_complete_does_nothing_more(tmp_path):
    make_loop(tmp_path).run()
    again = make_loop(tmp_path)
    assert again.run()
    assert again.task.calls == 0


def test_a_slice_stops_in_time_and_says_that_there_is_more(tmp_path):
    loop = make_loop(tmp_path, steps=10**6)
    assert not loop.run(stop_after_minutes=0.2 / 60)
    assert (tmp_path / LAST).exists()
    assert 0 < loop.step < 10**6


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match=r"no longer a number at step 7; .* is kept as .*last\.pt"):
        make_loop(tmp_path, Reconstruct(fail_at=8)).run()
    state = torch.load(tmp_path / LAST, weights_only=True)
    assert state["step"] == 6
    assert all(torch.isfinite(value).all() for value in state["network"].values() if value.is_floating_point())


def test_a_checkpoint_has_the_statistics_of_its_own_step(tmp_path):
    """It is written in the middle of the next one."""
    with pytest.raises(TrainingError):
        make_loop(tmp_path / "failed", Reconstruct(fail_at=8)).run()
    state = torch.load(tmp_path / "failed" / LAST, weights_only=True)
    other = make_loop(tmp_path / "other")
    for _ in range(state["step"]):
        other.advance()
    for name, value in other.network.state_dict().items():
        torch.testing.assert_close(state["network"][name], value)


def test_weights_whose_own_loss_is_no_number_are_not_kept_as_the_last(tmp_path):
    loop = make_loop(tmp_path, rate=1e30, validations=12)  # the first step throws them far away
    with pytest.raises(TrainingError, match=r"at step 1; .*best\.pt has validated best"):
        loop.run()
    assert weights_of(loop).abs().max() > 1e20
    assert not (tmp_path / LAST).exists()


def test_a_checkpoint_that_was_never_written_is_not_promised(tmp_path):
    with pytest.raises(TrainingError, match="at step 0; nothing has been saved yet"):
        make_loop(tmp_path, Reconstruct(fail_at=1)).run()
    assert not list(tmp_path.glob("*.pt"))


def test_weights_that_end_as_no_numbers_are_not_kept(tmp_path):
    loop = make_loop(tmp_path, steps=1)
    with pytest.raises(TrainingError, match=r"no longer a number at step 1; .*best\.pt has validated best"):
        loop.run(lambda report: loop.network.layer("convPb").weight.data.fill_(torch.inf))
    assert not (tmp_path / LAST).exists()


def test_who_is_asked_to_stop_does_so_after_a_step_and_goes_on_from_there(tmp_path):
    whole, half = make_loop(tmp_path / "whole"), make_loop(tmp_path / "halves")
    assert whole.run()
    assert not half.run(is_stopped=lambda: half.step == 5)
    second = make_loop(tmp_path / "halves")
    assert second.run()
    assert half.step == 5 and second.task.calls == 7
    torch.testing.assert_close(weights_of(second), weights_of(whole), atol=0, rtol=0)


def test_two_trainings_in_one_folder_are_one_too_many(tmp_path):
    def begin_another(_report):
        with pytest.raises(ConfigError, match="another training runs here"):
            make_loop(tmp_path).run()

    loop = make_loop(tmp_path, steps=2)
    assert loop.run(begin_another) and loop.metrics
    assert make_loop(tmp_path, steps=3).run(), "the first one is over"


def test_what_a_killed_training_was_writing_is_cleared_away(tmp_path):
    for name in (".last.pt.k1ll3d", ".best.pt.k1ll3d"):
        (tmp_path / name).write_bytes(b"half")
    make_loop(tmp_path).run()
    assert not list(tmp_path.glob(".*.pt.*"))


def test_without_a_step_no_checkpoint_is_written(tmp_path):
    loop = make_loop(tmp_path)
    assert not loop.run(is_stopped=lambda: True)
    assert not list(tmp_path.glob("*.pt"))
    make_loop(tmp_path).run()
    before = (tmp_path / LAST).read_bytes()
    assert make_loop(tmp_path, rate=0.5).run()
    assert (tmp_path / LAST).read_bytes() == before, "it still tells what it was trained with"


def test_memory_that_runs_out_is_told_with_what_to_do(tmp_path):
    loop = make_loop(tmp_path, batch=2**20, size=(2**16, 2**16))
    with pytest.raises(TrainingError, match=r"memory ran out at step 0; lower the stage's loop\.batch or loop\.size"):
        loop.run()


def test_the_log_is_json_whatever_validation_finds(tmp_path):
    class Undecided(Reconstruct):
        def validate(self, network):
            return {**super().validate(network), "localisation": float("nan")}

    make_loop(tmp_path, Undecided()).run()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "log.jsonl").open()]
    assert [line["localisation"] for line in lines if "score" in line] == [None, None]


def test_the_best_checkpoint_is_the_one_that_validated_best(tmp_path):
    loop = make_loop(tmp_path)
    loop.run()
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert best["best"] == pytest.approx(-float(best["network"]["convPb.weight"].abs().sum()), rel=1e-5)
    assert best["metrics"] == {"score": best["best"]}


def test_a_checkpoint_of_another_network_is_refused_with_a_sentence(tmp_path):
    make_loop(tmp_path).run()
    other = Loop(SuperPoint(NetworkConfig(), norm=True), Reconstruct(), LoopConfig(), CPU, tmp_path)
    with pytest.raises(ConfigError, match=r"last\.pt: is of another network than the config's"):
        other.resume()


@pytest.mark.parametrize("content", [b"", b"half of a checkpoint"])
def test_a_checkpoint_that_was_cut_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / LAST).write_bytes(content)
    with pytest.raises(ConfigError, match=r"last\.pt: is empty or damaged; .*best\.pt .*delete it"):
        make_loop(tmp_path).run()


def test_reports_carry_losses_and_after_a_validation_a_picture(tmp_path):
    reports = []
    make_loop(tmp_path).run(reports.append)
    assert all("all" in report.losses and report.images_per_second > 0 for report in reports)
    validated = [report for report in reports if report.metrics]
    assert len(validated) == 2 and validated[-1].step == 12
    assert validated[0].draw().shape == (3, 4, 4)


def test_the_speed_is_that_of_the_steps(tmp_path):
    class Slow(Reconstruct):
        def losses(self, *arguments):
            time.sleep(0.01)
            return super().losses(*arguments)

    reports = []
    make_loop(tmp_path, Slow()).run(reports.append)
    assert len(reports) == 2 and all(0 < report.images_per_second <= 200 for report in reports)


def test_the_rate_warms_up_and_falls_along_a_cosine():
    config = LoopConfig(rate=1.0, warmup=0.1, final_rate=0.01)
    rates = [learning_rate(config, progress) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.001, 0.5, 1.0, 0.505, 0.01])


def test_the_late_batch_has_as_many_pixels(tmp_path):
    loop = make_loop(tmp_path, batch=8, size=(16, 32), late_size=(16, 64), late_fraction=0.5)
    assert loop._batch_and_size() == (8, (16, 32))
    loop.step = 6
    assert loop._batch_and_size() == (4, (16, 64))


RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tiny_loop import make_loop
loop = make_loop(Path({folder!r}), steps=100000, save_seconds=0.2)
loop.run(lambda report: print(report.step, flush=True))
"""


def test_a_run_killed_with_sigkill_resumes_from_a_recent_checkpoint(tmp_path):
    code = RUN.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 60
    while not (tmp_path / LAST).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    loop = make_loop(tmp_path, steps=100000)
    loop.resume()
    assert loop.step > 0
    assert 0 < loop.seconds < 60
    loop.advance()


def test_small_numbers_are_numbers_again_after_a_training(tmp_path):
    make_loop(tmp_path).run()
    assert (torch.tensor([1e-40]) * 1).item() > 0
    assert float("1e-310") * 1.0 > 0
