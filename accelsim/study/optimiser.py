"""Optuna behind one narrow door: batches of designs asked for, told, kept in a storage, repeatable."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.config import digest
from accelsim.errors import AccelsimError, InputError
from accelsim.files.caution import caution
from accelsim.files.guard import guard
from accelsim.files.partial import alone
from accelsim.study.grid import Axis
from accelsim.study.journal import Journal

BATCH = 12
"""Designs that are asked for before the first of them is told: what workers share; fixed, so results do not depend on them."""
POPULATION = 24
"""Designs of a generation of NSGA-II."""

_STORAGES = ("sqlalchemy", "sqlite3", "optuna", "alembic", "psycopg", "pymysql", "json")

Judge = Callable[[Sequence[tuple[str, ...]]], list[tuple[list[float], list[float]] | None]]
"""Returns objectives and excesses over limits of each design; None where it cannot be run."""


@dataclass(frozen=True)
class Tried:
    """A trial and the value of each axis."""

    number: int
    values: tuple[str, ...]


class Optimiser:
    """A study of Optuna over the values of `axes`, all objectives minimised: NSGA-II for several, TPE for one.

    Each trial and key has a sampler of its own, seeded by `seed`, its number and name, so a study that was interrupted goes on as if it
    had not been. Raises InputError when Optuna is not installed or the storage cannot be used.
    """

    def __init__(self, name: str, axes: Sequence[Axis], objectives: int, seed: int, storage: Path | str | None) -> None:
        self._optuna = _optuna()
        self.axes = tuple(axes)
        self.objectives = objectives
        self.seed = seed
        self._given = storage
        self._stack = contextlib.ExitStack()
        with self._told():
            self.study = self._optuna.create_study(
                study_name=name,
                directions=["minimize"] * objectives,
                storage=self._storage(storage),
                load_if_exists=True,
            )

    def __enter__(self) -> Optimiser:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell errors of the storage in one line."""
        try:
            yield
        except AccelsimError:
            raise
        except Exception as error:  # of SQLAlchemy, SQLite or the file system
            if not isinstance(error, OSError) and not type(error).__module__.startswith(_STORAGES):
                raise
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"--storage {self._given}: {text}", "give a new file") from None

    def run(self, trials: int, judge: Judge) -> None:
        """Go on until there are `trials` trials; those that were asked for but not told come first."""
        with self._told():
            self._run(trials, judge)

    def _run(self, trials: int, judge: Judge) -> None:
        from tqdm import tqdm

        bar = tqdm(total=trials, desc="search", unit="trial", file=sys.stderr, disable=None, delay=1.0)
        with bar:
            while True:
                known = self.study.get_trials(deepcopy=False)
                open_ = [t for t in known if not t.state.is_finished()]
                bar.update(len(known) - len(open_) - bar.n)
                if not open_ and len(known) >= trials:
                    return
                batch = [self._again(t) for t in open_]
                end = min(trials, (len(known) // BATCH + 1) * BATCH)
                if open_:  # complete the batch that was interrupted
                    end = min(trials, -(-len(known) // BATCH) * BATCH)
                batch += [self._asked() for _ in range(len(known), end)]
                designs = [self._design(trial) for trial in batch]
                for trial, found in zip(batch, judge(designs), strict=True):
                    self._tell(trial, found)

    def trials(self) -> list[Tried]:
        """Return the finished trials in order."""
        done = [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]
        return [Tried(t.number, tuple(self._value(axis, t.params[axis.key]) for axis in self.axes)) for t in done]

    def _tell(self, trial: Any, found: tuple[list[float], list[float]] | None) -> None:
        if found is None:
            self.study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            return
        goals, excess = found
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that was interrupted may have its constraints already
            for place, value in enumerate(excess):
                trial.set_constraint(f"limit{place}", value)
        self.study.sampler = self._sampler(trial.number)
        self.study.tell(trial, goals)

    def _asked(self) -> Any:
        self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
        return self.study.ask()

    def _again(self, frozen: Any) -> Any:
        """Return a trial of a study that was interrupted; what it lacks is drawn as it would have been."""
        self.study.sampler = self._sampler(frozen.number)
        return self._optuna.trial.Trial(self.study, frozen._trial_id)

    def _design(self, trial: Any) -> tuple[str, ...]:
        found = []
        for axis in self.axes:  # each drawn by itself: an interrupted trial may have some of them already
            self.study.sampler = self._sampler(trial.number, axis.key)
            if axis.numbers is None:
                place = trial.suggest_categorical(axis.key, list(axis.values))
            else:
                place = trial.suggest_int(axis.key, 0, len(axis.values) - 1)
            found.append(self._value(axis, place))
        return tuple(found)

    @staticmethod
    def _value(axis: Axis, place: Any) -> str:
        return str(place) if axis.numbers is None else axis.values[int(place)]

    def _sampler(self, number: int, key: str = "") -> Any:
        seed = int(digest("search", self.seed, number, key)[:8], 16)
        samplers = self._optuna.samplers
        if self.objectives > 1:
            return samplers.NSGAIISampler(population_size=POPULATION, seed=seed)
        return samplers.TPESampler(seed=seed, multivariate=True)

    def _storage(self, given: Path | str | None) -> Any:
        if given is None or "://" in str(given):
            return None if given is None else str(given)
        path = Path(given)
        database = path.suffix in (".db", ".sqlite", ".sqlite3")
        guard(lambda: self._keep_alone(path.with_name(f"{path.name}.lock") if database else path), path)
        return f"sqlite:///{path}" if database else self._optuna.storages.JournalStorage(Journal(path))

    def _keep_alone(self, path: Path) -> None:
        """Let one process at a time search here: trials follow from those before them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"another search is working in {path}: this one goes on when it is done"
        self._stack.enter_context(alone(path, lambda: caution(waiting)))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError("a search needs optuna, which is not installed", "pip install 'accelsim[study]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
