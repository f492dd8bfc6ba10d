"""One loop for every stage: schedule, gradients, checkpoints, resuming."""

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from slam_frontend.errors import FrontendError
from slam_frontend.files import make_writable, to_json, write_atomically
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.training.config import LoopConfig
from slam_frontend.training.engine import Engine, claim, is_out_of_memory, without_denormals
from slam_frontend.training.stored import changed_settings, load_checkpoint_state, load_weights

logger = logging.getLogger(__name__)

LAST, BEST, LOG = "last.pt", "best.pt", "log.jsonl"
REPORT_SECONDS = 2.0


class TrainingError(FrontendError):
    """Training can't go on."""


class Task(Protocol):
    """What a stage teaches."""

    def losses(self, network: nn.Module, batch: int, size: tuple[int, int], generator: torch.Generator) -> "Losses":
        """The losses of a random batch of images of size (height, width), drawn from the generator."""
        ...

    def validate(self, network: SuperPoint) -> dict[str, float]:
        """Figures of the network in eval mode; ``score`` decides which checkpoint is best, higher is better."""
        ...

    def picture(self, network: SuperPoint) -> Tensor:
        """What the network in eval mode sees of validation images, (3,H,W) in 0..1."""
        ...


Losses = dict[str, Tensor]  # weighted; their sum is what is minimised


@dataclass(frozen=True)
class Report:
    """How training goes, for whoever watches."""

    step: int
    progress: float
    losses: dict[str, float]
    images_per_second: float
    metrics: dict[str, float] = field(default_factory=dict)
    draw: Callable[[], Tensor] | None = None  # a picture (3,H,W) in 0..1, after a validation


Watch = Callable[[Report], None]
IsStopped = Callable[[], bool]


class Loop:
    """Trains a network on a task, from its last checkpoint if there is one."""

    def __init__(
        self,
        network: SuperPoint,
        task: Task,
        config: LoopConfig,
        engine: Engine,
        folder: Path,
        seed: int = 0,
        about: dict[str, Any] | None = None,
    ) -> None:
        """``about`` goes into each checkpoint as it is: what the training is of."""
        self.network = engine.place(network)
        self.task = task
        self.config = config
        self.engine = engine
        self.folder = folder
        self.seed = seed
        self.about = about or {}
        self.model = DistributedDataParallel(self.network) if engine.world > 1 else self.network
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
        self.step = 0
        self.seconds = 0.0
        self.best = -math.inf
        self.metrics: dict[str, float] = {}
        self._unproved: dict[str, Any] | None = None  # a state to save once its loss is known to be a number

    @without_denormals()
    def run(
        self,
        watch: Watch | None = None,
        stop_after_minutes: float | None = None,
        is_stopped: IsStopped = lambda: False,
    ) -> bool:
        """Train to the end of the cycle, for the given time or until stopped; True when the cycle is complete."""
        if self.engine.rank > 0:
            return self._run(watch, stop_after_minutes, is_stopped)
        with claim(make_writable(self.folder)):
            for left in self.folder.glob(".*.pt.*"):  # by a process that was killed while it wrote
                left.unlink(missing_ok=True)
            return self._run(watch, stop_after_minutes, is_stopped)

    def _run(self, watch: Watch | None, stop_after_minutes: float | None, is_stopped: IsStopped) -> bool:
        self.resume()
        begun = self.step
        started = time.monotonic() - self.seconds
        stop = math.inf if stop_after_minutes is None else self.seconds + 60 * stop_after_minutes
        saved = reported = self.seconds
        seen, reported_at = 0, self.progress
        while self.progress < 1 and self.seconds < stop and not self._any(is_stopped()):
            losses = self._advance()
            self.seconds = self._agree(time.monotonic() - started)
            seen += self._batch_and_size()[0]
            due = self._is_validation_due(reported_at)
            if due or self.seconds - reported > REPORT_SECONDS:
                self._report(losses, seen / max(self.seconds - reported, 1e-9), due, watch)
                seen, reported, reported_at = 0, self._agree(time.monotonic() - started), self.progress
            if due or self.seconds - saved > self.config.save_seconds:
                self._unproved = copy.deepcopy(self._state())
                saved = self.seconds
        if not all(bool(values.isfinite().all()) for values in self.network.state_dict().values()):
            raise self._no_number()
        if self.step > begun:  # or the checkpoint would tell of settings that it was not trained with
            self.save(LAST)
        self.engine.wait_for_all()  # the next stage starts from what the first process has written
        return self.progress >= 1

    @property
    def progress(self) -> float:
        """How much of the cycle is done, 0..1."""
        by_steps = self.step / self.config.steps
        if self.config.minutes is None:
            return by_steps
        return min(1.0, max(by_steps, self.seconds / 60 / self.config.minutes))

    def advance(self) -> dict[str, float]:
        """One step; TrainingError when the loss is no number."""
        generator = self.engine.generator(hash((self.seed, self.step, self.engine.rank)) % 2**63)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.progress)
        self.network.train()
        losses = self.task.losses(self.model, *self._batch_and_size(), generator)
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if not bool(torch.isfinite(norm)):
            raise self._no_number()
        if self._unproved is not None:
            self._write(LAST, self._unproved)
            self._unproved = None
        self.optimizer.step()
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _advance(self) -> dict[str, float]:
        try:
            return self.advance()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"memory ran out at step {self.step}; lower the stage's loop.batch or loop.size; nothing saved is lost"
            ) from error

    def save(self, name: str) -> None:
        """Write all that resuming needs."""
        self._write(name, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "metrics": self.metrics,
            "progress": self.progress,
            "about": self.about,
        }

    def _write(self, name: str, state: dict[str, Any]) -> None:
        if self.engine.rank == 0:
            write_atomically(self.folder / name, lambda file: torch.save(state, file))

    def _no_number(self) -> TrainingError:
        """What happened, and what there is to go on from."""
        last, best = self.folder / LAST, self.folder / BEST
        remedy = "lower loop.rate or loop.clip and"
        if last.exists():
            advice = f"the last good checkpoint is kept as {last}; {remedy} start again from it"
        elif best.exists():
            advice = f"{best} has validated best so far; {remedy} copy it to {last} to go on from it, or start anew"
        else:
            advice = f"nothing has been saved yet; {remedy} start anew"
        return TrainingError(f"the loss is no longer a number at step {self.step}; {advice}")

    def resume(self) -> None:
        """Take up the last checkpoint of the folder, if it has one."""
        path = self.folder / LAST
        if not path.exists():
            return
        state = load_checkpoint_state(path, self.engine.device)
        load_weights(self.network, state, path)
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:  # as the config says now; the rate is set at each step
            group["weight_decay"] = self.config.weight_decay
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.metrics = state["metrics"]
        logger.info("resumed %s at step %d", path, self.step)
        changed = changed_settings(state.get("about", {}).get("config", {}), self.about.get("config", {}))
        if changed and self.progress < 1 and self.engine.rank == 0:
            logger.warning("%s: goes on with other settings than it was trained with: %s", path, ", ".join(changed))

    def _batch_and_size(self) -> tuple[int, tuple[int, int]]:
        config = self.config
        if config.late_size is None or self.progress < 1 - config.late_fraction:
            return config.batch, config.size
        pixels = config.size[0] * config.size[1] / (config.late_size[0] * config.late_size[1])
        return max(1, round(config.batch * pixels)), config.late_size

    def _is_validation_due(self, before: float) -> bool:
        count = self.config.validations
        return math.floor(self.progress * count) > math.floor(before * count)

    def _report(self, losses: dict[str, float], rate: float, due: bool, watch: Watch | None) -> None:
        if due:
            self._validate()
        metrics, draw = (self.metrics, self._draw) if due else ({}, None)
        report = Report(self.step, self.progress, losses, rate, metrics, draw)
        if self.engine.rank == 0:
            self._log(report)
        if watch is not None:
            watch(report)

    def _validate(self) -> None:
        self.network.eval()
        with torch.inference_mode():
            self.metrics = self.task.validate(self.network)
        if self.metrics["score"] > self.best:
            self.best = self.metrics["score"]
            self.save(BEST)

    def _draw(self) -> Tensor:
        self.network.eval()
        with torch.inference_mode():
            return self.task.picture(self.network)

    def _log(self, report: Report) -> None:
        entry: dict[str, Any] = {"step": report.step, "seconds": round(self.seconds, 1), **report.losses}
        entry |= {"images_per_second": round(report.images_per_second, 1), **report.metrics}
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(to_json(entry, indent=None) + "\n")

    def _agree(self, number: float) -> float:
        """The first process's number, such as its clock, so that all stop and slow down together."""
        if self.engine.world == 1:
            return number
        shared = torch.tensor([float(number)], device=self.engine.device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def _any(self, is_stopped: bool) -> bool:
        """Whether any process is to stop: a signal may reach one of them alone."""
        if self.engine.world == 1:
            return is_stopped
        shared = torch.tensor([float(is_stopped)], device=self.engine.device)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return bool(shared)


def learning_rate(config: LoopConfig, progress: float) -> float:
    """A linear warm-up, then a cosine down to the final rate."""
    if progress < config.warmup:
        return config.rate * max(progress / config.warmup, 1e-3)
    phase = (progress - config.warmup) / (1 - config.warmup)
    low = config.final_rate
    return config.rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(phase, 1))))
