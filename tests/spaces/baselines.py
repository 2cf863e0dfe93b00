"""The recipe of a baseline, for tests of the spaces that have it."""

from __future__ import annotations

from spaces.parameters import recipe_for
from spaces.recipe import ImageShape, Recipe
from spaces.space import Space


def baseline_recipe(space: Space, name: str, *, images: ImageShape, classes: int) -> Recipe:
    """Return the recipe of a space's baseline."""
    return recipe_for(space, space.baselines[name], images=images, classes=classes)
