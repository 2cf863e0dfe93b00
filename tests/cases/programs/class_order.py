"""The order of classes is printed where a model is used outside Tamiz."""

from __future__ import annotations

import numpy as np

from tests.cases.inputs import save_png, space
from tests.cases.shell import Case, Shell, expect

COUNT = 16
EVALUATE = """
import json
from pathlib import Path
import keras
card = {snippet}
print(found)
"""


def keras_loader(shell: Shell) -> None:
    """Folders 1 to 16, which Keras' loader sorts as 1, 10, 11, ...; the winner is used with that loader."""
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 5)):
        for label in range(1, COUNT + 1):
            for number in range(count):
                pixels = random.integers(0, 230, (10, 10)).astype(np.uint8)
                pixels.reshape(-1)[5 * label : 5 * label + 4] = 255
                save_png(pixels, shell.folder / "data" / part / str(label) / f"{number}.png")
    (shell.folder / "photos").symlink_to("data/test")  # as the card calls them
    tiny = space(shell.folder / "tiny.py")
    options = "--image-size 10 --trials 1 --epochs 10 --executor inline --study s"
    end = shell.search(f"run --space {tiny} --data data {options}").expect(0)
    expect("its classes, in the order of its outputs: model_card.json beside it" in end.err, "no word on the order")
    exported = shell.search("export s --to .").expect(0)
    expect("classes, in the order of its outputs: model_card.json" in exported.err, "export has no word on the order")
    accuracy = evaluate_as_the_card_says(shell)
    right = right_by_predict(shell)
    expect(right > 0.2, f"predict is right for {right:.2f} of the images")  # by chance, one in sixteen
    expect(abs(accuracy - right) < 1e-5, f"evaluate gives {accuracy:.4f}, predict {right:.4f}")
    measured = f"test accuracy {right:.4f} on {5 * COUNT} test images"
    expect(measured in end.err, f"the run does not end with {measured!r}")
    expect(f"{100 * right:.1f} %" in shell.page("s"), f"the page does not have {100 * right:.1f} %")


def evaluate_as_the_card_says(shell: Shell) -> float:
    """Return the accuracy that the lines give which a user copies from the model card."""
    use = (shell.folder / "model_card.md").read_text().partition("## Use")[2]
    snippet = use.partition("    card = ")[2].partition("\n\n")[0].replace("\n    ", "\n")
    snippet = snippet.replace("model.evaluate(images)", "found = model.evaluate(images, verbose=0)[1]")
    (shell.folder / "after.py").write_text(EVALUATE.format(snippet=snippet))
    return float(shell.python("after.py").expect(0).out.split()[-1])


def right_by_predict(shell: Shell) -> float:
    """Return the fraction of images that `predict` finds the label of."""
    files = sorted(path.relative_to(shell.folder).as_posix() for path in (shell.folder / "photos").glob("*/*.png"))
    answers = shell.search("predict model.keras --json", *files).expect(0).json
    expect(answers["classes"] == [str(number + 1) for number in range(COUNT)], f"classes {answers['classes']}")
    return float(np.mean([one["class"] == one["file"].split("/")[1] for one in answers["images"]]))


CASES = (Case(name="7-class-order-not-told", play=keras_loader),)
