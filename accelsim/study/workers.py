"""Tasks given to workers behind any executor, and given again when a worker is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from accelsim.errors import InputError

MOST_ATTEMPTS = 5
"""How often a batch may lose its worker before it is taken for the cause."""


@dataclass(frozen=True)
class Task:
    """A function of plain arguments to call on a worker, and how often a worker was lost over it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    label: Any = None
    attempts: int = 0


@dataclass
class Workers:
    """Workers behind any `concurrent.futures` executor; None runs tasks in this process.

    count: how many tasks run at a time now. renew: makes the executor anew when its processes died. remote: whether
    workers may stand on other machines. name: for messages. lost: errors that say that a worker died.
    """

    executor: Executor | None = None
    count: Callable[[], int] = lambda: 1
    renew: Callable[[], Executor] | None = None
    remote: bool = False
    name: str = "this process"
    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def completed(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its result, in the order in which they finish; tasks are taken as workers get free.

        A task whose worker died is given to another. Raises what a task raises, and InputError when the workers
        cannot be reached any more or a task keeps losing them.
        """
        if self.executor is None:
            for task in tasks:
                yield task, task.function(*task.arguments)
            return
        running: dict[Future[Any], Task] = {}
        again: list[Task] = []
        try:
            while True:
                room = 2 * max(1, self.count()) - len(running)
                for _ in range(room):
                    new = again.pop() if again else next(tasks, None)
                    if new is None:
                        break
                    running[self._submitted(new)] = new
                if not running:
                    return
                done, _ = wait(running, timeout=5.0, return_when=FIRST_COMPLETED)
                for future in done:
                    task = running.pop(future)
                    lost = self._result(future)
                    if lost is not None:
                        again.append(self._retried(task, lost))
                    else:
                        yield task, future.result()
        finally:
            if not isinstance(self.executor, ProcessPoolExecutor):  # a pool cancels them itself, in order, at its end
                for future in running:
                    future.cancel()

    def _submitted(self, task: Task) -> Future[Any]:
        assert self.executor is not None
        try:
            return self.executor.submit(task.function, *task.arguments)
        except BrokenProcessPool as error:
            if self.renew is None:
                raise InputError(f"{self.name} is gone ({error})") from None
            self.executor = self.renew()
            return self.executor.submit(task.function, *task.arguments)

    def _result(self, future: Future[Any]) -> BaseException | None:
        """Return the error of a lost worker; None when the task itself ended. Raises the task's own error."""
        try:
            future.result()
        except self.lost as error:
            return error
        except CancelledError:
            raise InputError(
                f"the connection to {self.name} is lost", "what was finished is kept; run again to go on"
            ) from None
        return None

    def _retried(self, task: Task, error: BaseException) -> Task:
        if task.attempts + 1 >= MOST_ATTEMPTS:
            raise InputError(
                f"a batch of points ended its worker {MOST_ATTEMPTS} times ({type(error).__name__})",
                "what was finished is kept; look at the worker's memory limit",
            )
        return replace(task, attempts=task.attempts + 1)
