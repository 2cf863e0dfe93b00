"""A network's description as lines of Keras code."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from spaces.recipe import MLP, ConvNet, ImageShape, Network, ResNet


@functools.singledispatch
def layer_lines(network: Network, images: ImageShape) -> tuple[str, ...] | None:
    """Return lines of Python that apply a network to `x`, the scaled images, and leave its features in `x`.

    Register a type's own with `@layer_lines.register`. `layers` is `keras.layers`.

    Args:
        network: the description.
        images: what `x` is at first.

    Returns:
        The lines; None for a type that has no such words.
    """
    return None


@layer_lines.register
def convolutional(network: ConvNet, images: ImageShape) -> tuple[str, ...]:
    """Return the lines of a plain convolutional network."""
    return tuple(_convolutional(network, images))


def _convolutional(network: ConvNet, images: ImageShape) -> Iterator[str]:
    height, width = images.height, images.width
    pooling = {"max": "MaxPooling2D", "average": "AveragePooling2D"}[network.pooling]
    kernels = iter(network.kernels)
    for stage in network.stages:
        for _ in range(stage.convolutions):
            kernel = next(kernels)
            padding = network.padding if kernel <= min(height, width) else "same"
            yield from _activated(f'Conv2D({stage.filters}, {kernel}, padding="{padding}"', network)
            if padding == "valid":
                height, width = height - kernel + 1, width - kernel + 1
        if stage.pool and min(height, width) >= 2:
            yield _applied(f"{pooling}(2)")
            height, width = height // 2, width // 2
        if network.dropout:
            yield _applied(f"Dropout({network.dropout:.10g})")
    yield _applied(
        {"flatten": "Flatten()", "average": "GlobalAveragePooling2D()", "max": "GlobalMaxPooling2D()"}[network.summary]
    )
    if network.dense_units:
        yield _applied(f'Dense({network.dense_units}, activation="{network.activation}")')
    if network.dense_dropout:
        yield _applied(f"Dropout({network.dense_dropout:.10g})")


def _activated(layer: str, network: ConvNet | MLP) -> Iterator[str]:
    """Lines for a layer, given without its last bracket, with its activation, and batch norm before that if wanted."""
    if not network.batch_norm:
        yield _applied(f'{layer}, activation="{network.activation}")')
        return
    yield _applied(f"{layer}, use_bias=False)")
    yield _applied("BatchNormalization(momentum=0.9)")
    yield _applied(f'Activation("{network.activation}")')


@layer_lines.register
def fully_connected(network: MLP, images: ImageShape) -> tuple[str, ...]:
    """Return the lines of a fully connected network."""
    lines = [_applied("Flatten()")]
    for units in network.units:
        lines += _activated(f"Dense({units}", network)
        if network.dropout:
            lines.append(_applied(f"Dropout({network.dropout:.10g})"))
    return tuple(lines)


@layer_lines.register
def residual(network: ResNet, images: ImageShape) -> tuple[str, ...]:
    """Return the lines of a residual network."""
    block = _preactivated_block if network.preactivation else _block
    stem = f"convolution(x, {network.filters})"
    return (
        *_residual_parts,
        f"x = {stem}" if network.preactivation else f"x = layers.ReLU()(norm({stem}))",
        f"for stage in range({network.stages}):",
        f"    for number in range({network.blocks}):",
        f"        filters, stride = {network.filters} * 2**stage, 2 if stage and not number else 1",
        *(f"        {line}" for line in block(network.dropout)),
        *(("x = layers.ReLU()(norm(x))",) if network.preactivation else ()),
        _applied("GlobalAveragePooling2D()"),
    )


_residual_parts = (
    "",
    "def convolution(x, filters, kernel=3, stride=1):",
    '    start = {"use_bias": False, "kernel_initializer": "he_normal"}',
    '    return layers.Conv2D(filters, kernel, strides=stride, padding="same", **start)(x)',
    "",
    "def norm(x):",
    "    return layers.BatchNormalization(momentum=0.9)(x)",
    "",
)


def _block(dropout: float) -> Iterator[str]:
    yield "shortcut = x"
    yield "if stride != 1 or x.shape[-1] != filters:"
    yield "    shortcut = norm(convolution(x, filters, kernel=1, stride=stride))"
    yield "x = layers.ReLU()(norm(convolution(x, filters, stride=stride)))"
    if dropout:
        yield _applied(f"Dropout({dropout:.10g})")
    yield "x = norm(convolution(x, filters))"
    yield "x = layers.ReLU()(layers.Add()([shortcut, x]))"


def _preactivated_block(dropout: float) -> Iterator[str]:
    yield "shortcut, x = x, layers.ReLU()(norm(x))"
    yield "if stride != 1 or shortcut.shape[-1] != filters:"
    yield "    shortcut = convolution(x, filters, kernel=1, stride=stride)"
    yield "x = layers.ReLU()(norm(convolution(x, filters, stride=stride)))"
    if dropout:
        yield _applied(f"Dropout({dropout:.10g})")
    yield "x = layers.Add()([shortcut, convolution(x, filters)])"


def _applied(layer: str) -> str:
    return f"x = layers.{layer}(x)"
