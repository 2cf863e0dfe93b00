"""A space with its parameters, baselines and starts, as text and as JSON values."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from objectives.data.from_files import FOLDER_SIZE
from objectives.data.sources.catalogue import known_shape
from spaces.parameters import Parameter, find_parameters, recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.records import to_plain
from spaces.space import Parameters, Space
from spaces.transfer import untrained

_width = 100


@dataclass(frozen=True, kw_only=True)
class SpaceView:
    """A space as it is for some images: ranges and weights may depend on them."""

    space: Space
    parameters: tuple[Parameter, ...]
    images: ImageShape
    classes: int

    @classmethod
    def of(cls, space: Space) -> SpaceView:
        """Return the space as it is for its default data, or for those of a folder where it has none."""
        of_folders = ImageShape(height=FOLDER_SIZE, width=FOLDER_SIZE, channels=3), 10
        images, classes = known_shape(space.default_data) or of_folders
        parameters = find_parameters(space, images=images, classes=classes)
        return cls(space=space, parameters=parameters, images=images, classes=classes)

    def lines(self) -> Iterator[str]:
        """Yield the lines that a terminal shows."""
        yield from (f"{self.space.name}: {self.space.summary}", "")
        width = max((len(parameter.name) for parameter in self.parameters), default=0)
        for parameter in self.parameters:
            yield f"  {parameter.name:{width}}  {parameter.kind:11}  {parameter.described}"
        yield ""
        if conditional := [parameter for parameter in self.parameters if parameter.when is not None]:
            yield from (*map(_condition, conditional), "")
        for kind, given in (("baseline", self.space.baselines), ("start", self.space.starts)):
            for name, params in given.items():
                yield f"{kind} {name}: {self._weights(self._recipe(params)):,} weights"
                choices = ", ".join(f"{key}={value}" for key, value in params.items())
                yield from textwrap.wrap(choices, _width, initial_indent="  ", subsequent_indent="  ")
        colours = "grey" if self.images.channels == 1 else "colour"
        shown = f"{self.images.height}x{self.images.width} {colours} images of {self.classes} classes"
        yield f"default data: {self.space.default_data or 'none'}; ranges and weights are for {shown}"

    def to_plain(self) -> dict[str, Any]:
        """Return the object that `spaces show --json` prints."""
        return {
            "name": self.space.name,
            "summary": self.space.summary,
            "source": self.space.docstring,
            "default_data": self.space.default_data,
            "images": asdict(self.images) | {"classes": self.classes},
            "parameters": [to_plain(parameter) for parameter in self.parameters],
            "baselines": {name: self._choice(params) for name, params in self.space.baselines.items()},
            "starts": {name: self._choice(params) for name, params in self.space.starts.items()},
        }

    def _choice(self, params: Parameters) -> dict[str, Any]:
        recipe = self._recipe(params)
        return {"params": params, "recipe": recipe.to_plain(), "parameters": self._weights(recipe)}

    def _recipe(self, params: Parameters) -> Recipe:
        return recipe_for(self.space, params, images=self.images, classes=self.classes)

    def _weights(self, recipe: Recipe) -> int:
        from objectives.devices import prepare

        prepare(threads=1, gpu=False)  # must come before Keras is imported
        from objectives.networks.assemble import assemble

        return int(assemble(untrained(recipe), images=self.images, classes=self.classes).count_params())


def _condition(parameter: Parameter) -> str:
    if not parameter.when:
        return f"{parameter.name} is suggested only in some trials"
    conditions = [f"{name} is {' or '.join(map(str, values))}" for name, values in parameter.when.items()]
    return f"{parameter.name} is suggested when {' and '.join(conditions)}"
