"""What a study's scores can be compared with, and when it may start over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from search.driver.compatibility import check_same, describe_differences, may_start_over, start_over
from search.results.status import read_settings
from search.storage.database import study_storage
from spaces.errors import StudyConflictError
from tests.search.fixtures.progress_plan import ended
from tests.search.fixtures.toy import toy_settings
from tests.search.results.test_status import _study

CODE = "sha256:1"


@pytest.mark.parametrize(
    ("settings", "digest", "fingerprint", "differences"),
    [
        ({"space": "b/toy.py", "data": "./digits", "image_size": 8, "backbone": "imagenet"}, None, None, []),
        ({"seed": 1}, None, None, ["  seed: 0 then, 1 now"]),
        ({}, CODE, None, ["  the space's code has changed"]),
        ({"space": "b/toy.py"}, CODE, None, ["  the space's code has changed (toy then, b/toy.py now)"]),
        ({}, None, "sha256:1", ["  images: sha256:0 then, sha256:1 now"]),
        ({"data": "b"}, None, "sha256:1", ["  images: sha256:0 then, sha256:1 now (digits then, b now)"]),
        ({"backbone": "VGG16"}, None, None, ["  backbone: None then, VGG16 now"]),
    ],
)
def test_names_make_no_difference_where_the_content_is_the_same(
    tmp_path: Path, settings: dict[str, object], digest: str | None, fingerprint: str | None, differences: list[str]
) -> None:
    earlier = read_settings(_study(tmp_path))
    new = replace(
        earlier,
        settings={**earlier.settings, **settings},
        space_digest=digest or earlier.space_digest,
        data=replace(earlier.data, fingerprint=fingerprint or earlier.data.fingerprint),
    )
    assert describe_differences(new, earlier) == differences


def test_a_split_that_a_backbone_decides_makes_a_difference(tmp_path: Path) -> None:
    earlier = read_settings(_study(tmp_path))

    assert describe_differences(replace(earlier, split_seed=1), earlier) == [
        "  split: seed 0 then, 1 now, by the backbone's model card"
    ]
    assert describe_differences(replace(earlier, split_seed=0), earlier) == []


@pytest.mark.parametrize(
    ("settings", "digest", "said"),
    [
        ({"epochs": 9}, "sha256:0", "or continue with its stored settings: `python -m search resume toy --runs /r`."),
        ({}, CODE, "or use the earlier settings, or --fork NEW: "),
    ],
)
def test_resume_is_named_where_it_helps(tmp_path: Path, settings: dict[str, object], digest: str, said: str) -> None:
    earlier = read_settings(_study(tmp_path))
    new = replace(earlier, settings={**earlier.settings, "runs": "/r", **settings}, space_digest=digest)
    with pytest.raises(StudyConflictError) as error:
        check_same(new, earlier)
    assert f"Choose another --study, {said}" in str(error.value)


@pytest.mark.parametrize(
    ("states", "interrupted", "changed", "starts_over"),
    [
        ((), 0, False, False),
        ((), 0, True, True),
        (("FAIL", "FAIL"), 0, False, True),
        (("FAIL", "PRUNED"), 0, False, False),
        (("FAIL",), 1, False, False),  # the interrupted trial continues
        (("FAIL", "PRUNED"), 1, True, True),
        (("FAIL", "COMPLETE"), 0, True, False),
    ],
)
def test_a_study_starts_over_only_without_a_complete_trial(
    tmp_path: Path, states: tuple[str, ...], interrupted: int, *, changed: bool, starts_over: bool
) -> None:
    folder = _study(tmp_path, *(ended(number, state=state) for number, state in enumerate(states)))  # type: ignore[arg-type]
    for number in range(interrupted):
        (folder.trial(len(states) + number) / "checkpoint").mkdir(parents=True)
    earlier = read_settings(folder)
    new = replace(earlier, space_digest=CODE) if changed else earlier
    assert may_start_over(folder, new, earlier) is starts_over
    folder.best.mkdir()
    assert not may_start_over(folder, new, earlier)


def test_a_study_with_complete_trials_in_its_database_is_not_removed(tmp_path: Path) -> None:
    folder = _study(tmp_path, ended(0, state="FAIL"))
    url = f"sqlite:///{folder.database}"
    with study_storage(url) as storage:
        study = optuna.create_study(study_name="toy", storage=storage)
        study.tell(study.ask(), 1.0)
    with pytest.raises(StudyConflictError, match="has complete trials in its database, but not in "):
        start_over(folder, url, toy_settings(), note=pytest.fail)
    assert folder.read_trial(0) is not None
