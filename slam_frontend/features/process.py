"""An extractor in a process of its own: while it works, whoever tracks has Python to himself."""

import multiprocessing
import os
import pickle
import signal
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

import numpy as np

from slam_frontend.config import ExtractorConfig
from slam_frontend.errors import FrontendError, describe
from slam_frontend.features.base import Extractor
from slam_frontend.memory import keep_freed_memory
from slam_frontend.threads import shared_cores
from slam_frontend.types import Array, Features, Norm

Create = Callable[[ExtractorConfig], Extractor]
PATIENCE = 2.0  # seconds that the process gets to end by itself
SHARED_BYTES = 2**22  # for images; a larger one goes through the pipe, which costs a millisecond for 300,000 pixels


class ExtractorProcess:
    """Answers as the extractor of a config does, bit by bit, from another process.

    Threads of one process take turns in Python; extraction and tracking would wait for each other half of the time.
    Errors there are raised here. It ends with this object, or with this process however that ends.
    """

    def __init__(self, create: Create, config: ExtractorConfig) -> None:
        """Starts the process and waits until it is ready; raises what ``create`` raises there."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._shared = context.RawArray("B", SHARED_BYTES)
        given = create, config, theirs, self._shared
        self._process = context.Process(target=_serve, args=given, name="extractor", daemon=True)
        with _without_interrupts():
            self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        weakref.finalize(self, _end, self._connection, self._process)
        self._asking = Lock()  # one image is there at a time, whoever asks
        self._is_asked = True  # an answer is on its way, the first one without a question
        self.name: str
        self.norm: Norm
        self.name, self.norm = self._answer()

    def extract(self, image: Array) -> Features:
        """Features of an (H,W) uint8 grey image, best first."""
        with self._asking:
            if self._is_asked:  # an interrupt left an answer behind; until it is there, the shared image is being read
                self._receive()
            self._ask(_put(image, self._shared))
            features: Features = self._answer()
        return features

    def _answer(self) -> Any:
        answer = self._receive()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _ask(self, question: Array | tuple[int, ...]) -> None:
        try:
            with _in_one_piece(self._connection):
                self._is_asked = True
                self._connection.send(question)
        except OSError as error:
            raise self._loss() from error

    def _receive(self) -> Any:
        try:
            self._connection.poll(None)  # most of the time goes by here, where an interrupt breaks no message
            with _in_one_piece(self._connection):
                answer = self._connection.recv()
                self._is_asked = False
        except (EOFError, OSError) as error:
            raise self._loss() from error
        return answer

    def _loss(self) -> FrontendError:
        self._process.join(PATIENCE)
        exit_code = self._process.exitcode
        if not hasattr(self, "name") and exit_code == 1:  # it never got as far as to answer
            return FrontendError(
                "the process that extracts features could not start; a script that asks for extractor.own_process "
                'does its work under `if __name__ == "__main__":`, for that process imports it; or set it to false'
            )
        return FrontendError(
            f"the process that extracts features has ended (exit code {exit_code}; -9 may mean that "
            "memory ran out); run again, or with --set extractor.own_process=false"
        )


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What is started here doesn't hear of Ctrl-C from its first moment on, where the system can mask a signal."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _in_one_piece(connection: Connection) -> Iterator[None]:
    """A message that breaks off ends the connection, or the next one would be read from the middle of it."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _serve(create: Create, config: ExtractorConfig, connection: Connection, shared: Any) -> None:
    """Answer images with features until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends this process
    keep_freed_memory()
    with suppress(EOFError, OSError):  # the other side is gone
        try:
            extractor = create(config)
        except Exception as error:  # no extractor: told to whoever wants it
            connection.send(_portable(error))
            return
        connection.send((extractor.name, extractor.norm))
        with shared_cores():
            while True:
                connection.send(_extract(extractor, _take(connection.recv(), shared)))


def _put(image: Array, shared: Any) -> Array | tuple[int, ...]:
    """What to send: the shape of an image that now lies in the shared memory, or the image where it has no place."""
    if image.dtype != np.uint8 or image.nbytes > SHARED_BYTES:
        return image
    np.frombuffer(shared, np.uint8, image.size).reshape(image.shape)[:] = image
    return image.shape


def _take(sent: Array | tuple[int, ...], shared: Any) -> Array:
    """The image of what was sent; it stands until the answer to it."""
    return np.frombuffer(shared, np.uint8, int(np.prod(sent))).reshape(sent) if isinstance(sent, tuple) else sent


def _extract(extractor: Extractor, image: Array) -> Features | Exception:
    try:
        return extractor.extract(image)
    except Exception as error:  # of this image; the next one may be better
        return _portable(error)


def _portable(error: Exception) -> Exception:
    """The error, or a plain one with its words where it can't go through a pipe: that shows on the other side only."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the class of the error does
        return FrontendError(describe(error))
    return error


def _end(connection: Connection, process: BaseProcess) -> None:
    connection.close()
    process.join(PATIENCE)
    if process.is_alive():
        process.terminate()
