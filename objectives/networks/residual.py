"""Builds residual networks for small images (He et al. 2016, "Deep Residual Learning" and "Identity Mappings")."""

from __future__ import annotations

import keras
from keras import layers

from objectives.networks.registry import NORM_MOMENTUM, build
from spaces.networks import ResNet


@build.register
def residual(network: ResNet, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a residual network to symbolic images (n, height, width, channels)."""
    block = _preactivated_block if network.preactivation else _block
    x = _convolution(images, network.filters, name="stem_convolution")
    if not network.preactivation:
        x = _normed(x, name="stem")
    for stage in range(1, network.stages + 1):
        for number in range(1, network.blocks + 1):
            halving = stage > 1 and number == 1
            x = block(
                x,
                network.filters * 2 ** (stage - 1),
                stride=2 if halving else 1,
                dropout=network.dropout,
                name=f"stage{stage}_block{number}",
            )
    if network.preactivation:
        x = _normed(x, name="last")
    return layers.GlobalAveragePooling2D(name="summary")(x)


def _block(x: keras.KerasTensor, filters: int, *, stride: int, dropout: float, name: str) -> keras.KerasTensor:
    """Convolution, norm and activation twice; the second activation follows the sum."""
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, kernel=1, stride=stride, name=f"{name}_projection")
        shortcut = _norm(shortcut, name=f"{name}_projection")
    x = _normed(_convolution(x, filters, stride=stride, name=f"{name}_convolution1"), name=f"{name}_first")
    x = _dropped(x, dropout, name=name)
    x = _norm(_convolution(x, filters, name=f"{name}_convolution2"), name=f"{name}_second")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_sum")([shortcut, x]))


def _preactivated_block(
    x: keras.KerasTensor, filters: int, *, stride: int, dropout: float, name: str
) -> keras.KerasTensor:
    """Norm, activation and convolution twice; the sum is passed on as it is."""
    shortcut = x
    x = _normed(x, name=f"{name}_first")
    if stride != 1 or shortcut.shape[-1] != filters:
        shortcut = _convolution(x, filters, kernel=1, stride=stride, name=f"{name}_projection")
    x = _normed(_convolution(x, filters, stride=stride, name=f"{name}_convolution1"), name=f"{name}_second")
    x = _convolution(_dropped(x, dropout, name=name), filters, name=f"{name}_convolution2")
    return layers.Add(name=f"{name}_sum")([shortcut, x])


def _convolution(
    x: keras.KerasTensor, filters: int, *, name: str, kernel: int = 3, stride: int = 1
) -> keras.KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,  # a norm follows
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _norm(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)


def _normed(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    return layers.ReLU(name=f"{name}_activation")(_norm(x, name=name))


def _dropped(x: keras.KerasTensor, fraction: float, *, name: str) -> keras.KerasTensor:
    return layers.Dropout(fraction, name=f"{name}_dropout")(x) if fraction else x
