"""What a person writes by hand: an Optuna script, in one process or in several on one journal."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.peers.task import BATCHES, EPOCHS, LISTED, Configuration, Log, arguments, listed, plain


def main() -> None:
    """Search, or train what is listed."""
    given = arguments(processes=1)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal.log")
        study = _study(journal, given)
        for configuration in listed(given.seed) if given.mode == "listed" else ():
            study.enqueue_trial(plain(configuration))
        if given.processes == 1:
            _work(journal, given, 0)
            return
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=_work, args=(journal, given, number)) for number in range(given.processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def _study(journal: Path, given: argparse.Namespace, *, process: int = 0) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        study_name="peer",
        direction="maximize",
        storage=JournalStorage(JournalFileBackend(str(journal))),
        sampler=optuna.samplers.TPESampler(seed=given.seed + process),
        pruner=optuna.pruners.NopPruner() if given.mode == "listed" else optuna.pruners.MedianPruner(),
        load_if_exists=True,
    )


def _work(journal: Path, given: argparse.Namespace, number: int) -> None:
    import keras

    from benchmarks.peers.networks import Logged, build, data

    parts = data(given.data)
    log = Log(given.log)
    is_listed = given.mode == "listed"

    def objective(trial: optuna.Trial) -> float:
        if is_listed and trial.number >= LISTED:  # nothing is waiting any more
            trial.study.stop()
            raise optuna.TrialPruned
        keras.utils.clear_session()
        configuration = Configuration(
            stages=trial.suggest_int("stages", 1, 3),
            filters=trial.suggest_categorical("filters", [8, 16, 32]),
            dense_units=trial.suggest_categorical("dense_units", [0, 64]),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 10**-1.5, log=True),
            batch_size=trial.suggest_categorical("batch_size", list(BATCHES)),
        )
        best = 0.0

        class Pruning(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
            def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
                nonlocal best
                best = max(best, logs["val_accuracy"])
                trial.report(logs["val_accuracy"], epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        keras.utils.set_random_seed(given.seed)
        build(configuration).fit(
            *parts["train"],
            batch_size=configuration.batch_size,
            epochs=EPOCHS,
            validation_data=parts["validation"],
            callbacks=[Logged(log, str(trial.number)), Pruning()],
            verbose=0,
        )
        return best

    _study(journal, given, process=number).optimize(objective)


if __name__ == "__main__":
    main()
