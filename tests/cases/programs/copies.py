"""Nothing leaks from one part into another, or it is reported where the score is."""

from __future__ import annotations

import shutil

import numpy as np

from tests.cases.inputs import fill, save_png, space
from tests.cases.shell import Case, Shell, expect


def noise(shell: Shell) -> None:
    """Ninety images of noise with labels by chance, each three times, as oversampling before the split leaves them."""
    random = np.random.default_rng(1)
    for number in range(90):
        label, pixels = "ab"[random.integers(2)], random.integers(0, 256, (8, 8), dtype=np.uint8)
        for copy in range(3):
            save_png(pixels, shell.folder / "photos" / label / f"{number:03}_copy{copy}.png")
    one_rate = 'rate = trial.suggest_float("learning_rate", 1e-3, 1.001e-3)'
    space(shell.folder / "memorise.py", network="MLP(units=(256,))", choices=one_rate)
    options = "--image-size 8 --epochs 40 --trials 1 --executor inline --study s --json"
    done = shell.search(f"run --space memorise.py --data photos {options}").expect(0, "180 images are exact copies")
    accuracy = done.json["test"]["accuracy"]
    expect(accuracy < 0.75, f"test accuracy {accuracy:.2f} for labels by chance")
    expect("180 images are exact copies" in shell.page("s"), "the page does not mention the copies")


OVERLAP = "5 images of test are also in train, so scores come out too high: test/cat/again0.png = train/cat/000.png"


def overlap(shell: Shell) -> None:
    """A test part that holds five training images under other names."""
    photos = shell.folder / "photos"
    fill(photos / "train", each=20)
    fill(photos / "test", each=5, first=20)
    for number in range(5):
        shutil.copy(photos / "train" / "cat" / f"{number:03}.png", photos / "test" / "cat" / f"again{number}.png")
    tiny = space(shell.folder / "tiny.py")
    run = f"run --space {tiny} --data photos --image-size 8 --epochs 1 --trials 1 --executor inline --study s"
    shell.search("data check photos").expect(3, OVERLAP, "not fit for a search")
    shell.search(run).expect(3, OVERLAP, "--allow overlap")
    allowed = shell.search(run, "--allow", "overlap").expect(0)
    first = allowed.err.partition("\nbest ")[0].splitlines()[-1]
    expect(first.startswith(f"warning: {OVERLAP}"), f"the end of the run does not open with the warning: {first}")
    before_the_answer = shell.page("s").partition("\nAnswer\n")[0]
    expect(OVERLAP in before_the_answer, f"the page does not open with the warning: {before_the_answer}")


def rows_in_two_parts(shell: Shell) -> None:
    """A table in which rows of the test part are training rows too."""
    fill(shell.folder / "photos", ("a", "b"), each=6)
    rows = [f"photos/{label}/{number:03}.png,{label},train" for label in "ab" for number in range(6)]
    rows += [f"photos/{label}/000.png,{label},test" for label in "ab"]
    (shell.folder / "list.csv").write_text("\n".join(["path,label,split", *rows]))
    shared = "2 images of test are also in train"
    shell.search("data check list.csv").expect(3, shared)
    shell.search("run --space cnn_cifar --data list.csv --executor inline").expect(3, shared, "--allow overlap")


CONFLICTS = "10 images (16.7%) occur with several labels: cat/000.png (cat) = dog/again0.png (dog)"


def conflicts(shell: Shell) -> None:
    """The same images under two labels."""
    photos = shell.folder / "photos"
    fill(photos, each=20)
    for number in range(5):
        shutil.copy(photos / "cat" / f"{number:03}.png", photos / "dog" / f"again{number}.png")
        (photos / "dog" / f"{number:03}.png").unlink()
    tiny = space(shell.folder / "tiny.py")
    run = f"run --space {tiny} --data photos --image-size 8 --epochs 1 --trials 1 --executor inline --study s"
    shell.search("data check photos").expect(3, CONFLICTS, "not fit for a search")
    shell.search(run).expect(3, CONFLICTS, "--allow conflicts")
    shell.search(run, "--allow", "conflicts").expect(0, f"warning: {CONFLICTS}")
    expect(CONFLICTS in shell.page("s").partition("\nAnswer\n")[0], "the page does not open with the conflicts")


CASES = (
    Case(name="6-copies-fall-into-test", play=noise),
    Case(name="parts-share-images", play=overlap),
    Case(name="table-rows-in-two-parts", play=rows_in_two_parts, trains=False),
    Case(name="images-with-two-labels", play=conflicts),
)
