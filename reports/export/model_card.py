"""The model card of a trial, as Markdown: its data, its scores, its limits, and how to use it."""

from __future__ import annotations

from collections.abc import Iterator

from reports.classifier.classification import Classification, classify
from reports.classifier.intervals import wilson
from reports.stored.run import Run, Trial
from reports.wording import percent

_marks = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|!&"} | {"\n": " ", "\r": " "})
_worst_named = 3
_ratio = {"crop": "crop_to_aspect_ratio", "pad": "pad_to_aspect_ratio"}
"""Keras' names of ways to make images square; its own way is to stretch them."""


def model_card(run: Run, trial: Trial, *, has_model: bool) -> str:
    """Return the card of a trial with a score; the numbers are of the test images where it won, else of validation.

    Args:
        run: the whole study.
        trial: one of its trials.
        has_model: whether a `model.keras` lies beside the card.
    """
    is_winner = run.measurement is not None and run.measurement.trial == trial.number and run.test is not None
    predictions = run.test if is_winner else run.validation.get(trial.number)
    found = classify(predictions, run.classes, images="test" if is_winner else "validation") if predictions else None
    parts = [
        _what(run, trial),
        _data(run),
        _scores(run, trial, found),
        _limits(run, found),
        _use(run, has_model=has_model),
    ]
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _what(run: Run, trial: Trial) -> Iterator[str]:
    data, record = run.record.data, trial.record
    weights = f" with {record.parameters:,} weights" if record and record.parameters else ""
    yield f"# Model card: trial {trial.number} of study {markdown(run.record.study)}"
    yield ""
    yield f"An image classifier for {len(run.classes)} classes{weights}, found by Tamiz in the space "
    yield f"{markdown(run.record.space)}. It takes images of {data.height} x {data.width} pixels with "
    yield f"{'one grey channel' if data.channels == 1 else 'three colour channels'}, numbers from 0 to 255, and gives"
    yield "a probability for each class, in the order of the table below."


def _data(run: Run) -> Iterator[str]:
    data = run.record.data
    yield "## Data"
    yield ""
    yield f"- {markdown(data.name)}, fingerprint `{data.fingerprint}`"
    yield f"- {data.train:,} images to train on, {data.validation:,} for validation, {data.test:,} for the test"
    yield f"- split with seed {run.record.seed_of_split}, stratified by class; no choice was made by the test images"
    if data.bad_files:
        yield f"- {len(data.bad_files):,} unreadable files were left out"
    for found in (*data.warnings, *data.notes, *filter(None, [run.record.backbone_note])):
        yield f"- {markdown(found)}"


def _scores(run: Run, trial: Trial, found: Classification | None) -> Iterator[str]:
    yield "## Scores"
    yield ""
    yield f"- {run.record.metric} {trial.score:.4f} on the validation images, by which it was chosen"
    if found is None:
        yield "- its predictions were not kept, so there are no numbers for each class"
        return
    labels = found.predictions.labels
    correct = int((found.predictions.probabilities.argmax(axis=1) == labels).sum())
    low, high = wilson(correct, len(labels))
    yield f"- accuracy {found.table.accuracy:.4f} on {len(labels):,} {found.images} images (95 % interval"
    yield f"  {low:.4f} to {high:.4f}); expected calibration error {found.calibration.error:.4f}"
    yield ""
    yield f"On the {found.images} images:"
    yield ""
    yield "| class | precision | recall | F1 | images |"
    yield "|---|---:|---:|---:|---:|"
    for row in (*found.table.rows, found.table.macro):
        yield f"| {markdown(row.name)} | {row.precision:.3f} | {row.recall:.3f} | {row.f1:.3f} | {row.support:,} |"


def _limits(run: Run, found: Classification | None) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "- Any image is given one of these classes, even one that shows none of them."
    yield "- The scores hold for images like these; on images from another camera, place or time they may be lower."
    yield f"- The score on the validation images is the best of {len(run.ranked)} trials, so slightly optimistic."
    if found is not None:
        worst = found.table.worst_first[:_worst_named]
        named = ", ".join(f"{markdown(row.name)} (recall {percent(row.recall)})" for row in worst)
        yield f"- Weakest by F1: {named}."
        for sentence in found.sentences[:_worst_named]:
            yield f"- {markdown(sentence)}"


def _use(run: Run, *, has_model: bool) -> Iterator[str]:
    yield "## Use"
    yield ""
    if has_model:
        yield "    python -m search predict model.keras image.jpg"
    yield "    python train.py" + ("" if run.record.data.name == "digits" else "  # see its first lines")
    yield ""
    if has_model:
        yield "The outputs are in the order of the classes in `model_card.json`. Keras' loader sorts folders otherwise"
        yield "(1, 10, 2) and must be given the order:"
        yield ""
        yield '    card = json.loads(Path("model_card.json").read_text())'
        yield "    images = keras.utils.image_dataset_from_directory("
        yield '        "photos", class_names=card["classes"], image_size=(card["height"], card["width"]),'
        yield f'        color_mode="{"grayscale" if run.record.data.channels == 1 else "rgb"}",'
        if ratio := _ratio.get(str(run.record.settings.get("resize"))):
            yield f"        {ratio}=True,"
        yield "    )"
        yield '    model = keras.models.load_model("model.keras")'
        yield '    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])'
        yield "    model.evaluate(images)"
        yield ""
    yield "The search itself:"
    yield ""
    yield f"    {run.record.command}"


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is: names of classes, for one, may hold anything."""
    return text.translate(_marks)
