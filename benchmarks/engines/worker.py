"""One process per engine: it holds its graph, does what it is told, and can be stopped.

Memory of one engine is not mixed up with another's, and an engine that does not finish is ended
without losing the rest.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import results

from engines import cases, libraries


class NotFinishedError(Exception):
    """An engine took longer than it may."""


class GoneError(Exception):
    """An engine's process ended (out of memory, or a fault in the library)."""


class Engine:
    """An engine in a process of its own, as its owner sees it."""

    def __init__(self, name: str, case: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(name, case, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, what: str, *arguments: Any, within: float) -> Any:
        """What the engine answers; an exception of its own is raised here as a RuntimeError."""
        self.pipe.send((what, *arguments))
        if not self.pipe.poll(within):
            self.end()
            raise NotFinishedError(f"more than {within:.0f} s")
        try:
            kind, answer = self.pipe.recv()
        except EOFError:
            raise GoneError("its process ended") from None
        if kind == "error":
            raise RuntimeError(answer)
        return answer

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def _serve(name: str, folder: Path, pipe: Connection) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # some libraries talk a great deal
    try:
        kind, options = libraries.ENGINES[name]
        case = cases.load(folder)
        _warm(kind, options)
        engine: Any = None
        base = 0.0
        while True:
            what, *arguments = pipe.recv()
            try:
                if what == "ready":
                    answer: Any = [task for task in libraries.TASKS if hasattr(kind, task)]
                elif what == "prep":
                    engine = None
                    case = cases.load(folder)  # nothing remembered from the last time
                    gc.collect()
                    results.forget_peak()
                    base = results.peak_mb()
                    begin = time.perf_counter()
                    engine = kind(case, **options)
                    answer = time.perf_counter() - begin, results.peak_mb() - base
                    gc.collect()
                    gc.freeze()  # millions of objects that stay need not be looked at again
                elif what == "call":
                    answer = getattr(engine, arguments[0])(*arguments[1:])
                else:
                    answer = _timed(engine, what, *arguments)
                    answer["peak_mb"] = results.peak_mb() - base  # preparation included
                pipe.send(("done", answer))
            except Exception as error:
                pipe.send(("error", f"{type(error).__name__}: {error}"))
    except EOFError:
        os._exit(0)  # the owner is gone


def _warm(kind: type, options: dict[str, Any]) -> None:
    """Import and compile before anything is measured, on a small network."""
    try:
        engine = kind(cases.make("tiny"), **options)
        for task in libraries.TASKS:
            if hasattr(engine, task):
                getattr(engine, task)()
    except ImportError:
        pass  # told when the engine is made
    gc.collect()


def _timed(engine: Any, task: str, take: int | None, keep: Path | None) -> dict[str, Any]:
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        found = getattr(engine, task)(*((take,) if take else ()))
        seconds = time.perf_counter() - begin
    finally:
        gc.enable()
    if keep is not None and found is not None:
        parts = found if isinstance(found, tuple) else (found,)
        for number, part in enumerate(parts):
            if isinstance(part, np.ndarray):
                np.save(keep.with_name(f"{keep.name}_{number}.npy"), part)
    return {"seconds": seconds}
