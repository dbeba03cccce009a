"""Keras 1, whose layers and arguments had other names, in the words of Keras 2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netspec.formats.keras.reader.config import Entry, Net

__all__ = ["renamed"]

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
}
_ARGUMENTS = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "border_mode": "padding",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "pool_length": "pool_size",
    "stride": "strides",
    "inner_activation": "recurrent_activation",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_UNITS = {"Dense", "LSTM", "GRU", "SimpleRNN"}
_ORDERS = {"tf": "channels_last", "th": "channels_first"}


def renamed(net: Net) -> Net:
    """Return a network of Keras 1 as Keras 2 would say it."""
    return replace(net, layers=[_entry(entry) for entry in net.layers])


def _entry(entry: Entry) -> Entry:
    kind = _CLASSES.get(entry.kind, entry.kind)
    config: dict[str, Any] = dict(entry.config)
    for before, now in _ARGUMENTS.items():
        if before in config:
            config[now] = config.pop(before)
    if "nb_row" in config and "nb_col" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if kind in _UNITS and "output_dim" in config:
        config["units"] = config.pop("output_dim")
    order = config.pop("dim_ordering", None)
    if order in _ORDERS:
        config["data_format"] = _ORDERS[order]
    for name in ("weights", "forget_bias_init", "inner_init"):
        config.pop(name, None)
    return replace(entry, kind=kind, config=config, net=renamed(entry.net) if entry.net else None)
