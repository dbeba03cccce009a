"""Which device: one word, `cpu` or `gpu`, or a JAX device."""

from __future__ import annotations

import jax

from netspec.diagnostics import DeviceError, listing, nearest

__all__ = ["resolve"]

_PLATFORMS = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "tpu": "tpu"}


def resolve(device: str | jax.Device | None) -> jax.Device:
    """Return the device to compile for: JAX's default (a GPU where there is one) unless named.

    Raises:
        DeviceError: when there is no such device.
    """
    if device is None:
        return jax.devices()[0]
    if isinstance(device, jax.Device):
        return device
    if not isinstance(device, str):
        raise DeviceError(f"a device cannot be a {type(device).__name__}", "give `cpu`, `gpu` or a jax.Device")
    if device not in _PLATFORMS:
        near = nearest(device, _PLATFORMS)
        raise DeviceError(f"unknown device `{device}`", f"did you mean `{near}`?" if near else "write cpu or gpu")
    try:
        return jax.devices(_PLATFORMS[device])[0]
    except RuntimeError:
        found = listing(sorted({d.platform for d in jax.devices()}), "and")
        fix = "use --device cpu, or install netspec[cuda] on a machine with an NVIDIA GPU"
        raise DeviceError(f"no {device} was found here; there is {found}", fix) from None
