"""Devices: one chosen by a word, `cpu` or `gpu`, and those that share the batches of a training."""

from __future__ import annotations

from hashlib import sha256

import jax
import numpy as np

from netspec.diagnostics.diagnostic import DeviceError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.system.arguments import described

__all__ = ["available", "is_leader", "require_agreement", "resolve", "shared_devices"]

_PLATFORMS = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "tpu": "tpu"}


def resolve(device: str | jax.Device | None) -> jax.Device:
    """Return the device to compile for, one of this process: JAX's default (a GPU where there is one) unless named.

    Raises:
        DeviceError: when there is no such device.
    """
    if device is None:
        return available()[0]
    if isinstance(device, jax.Device):
        return device
    if not isinstance(device, str):
        raise DeviceError(f"a device cannot be {described(device)}", "give `cpu`, `gpu` or a jax.Device")
    if device not in _PLATFORMS:
        near = nearest(device, _PLATFORMS)
        raise DeviceError(f"unknown device `{device}`", f"did you mean `{near}`?" if near else "write cpu or gpu")
    try:
        return jax.local_devices(backend=_PLATFORMS[device])[0]
    except RuntimeError:
        found = listing(sorted({d.platform for d in available()}), "and")
        fix = "use --device cpu, or install netspec[cuda] on a machine with an NVIDIA GPU"
        raise DeviceError(f"no {device} was found here; there is {found}", fix) from None


def available() -> list[jax.Device]:
    """Return the devices of this process, JAX's default first.

    Raises:
        DeviceError: when JAX_PLATFORMS names none that is here.
    """
    try:
        return jax.local_devices()
    except (RuntimeError, AssertionError) as error:
        # Where the one platform that is named has no device, JAX says so by an assertion.
        platforms = jax.config.jax_platforms  # type: ignore[attr-defined]
        if not platforms:
            raise
        reason = str(error).partition(" (set JAX_PLATFORMS")[0] or "it is not here"
        raise DeviceError(f"JAX_PLATFORMS is {platforms}: {reason}", "unset it, or write JAX_PLATFORMS=cpu") from None


def shared_devices(device: jax.Device, count: int, batch: int) -> tuple[jax.Device, ...]:
    """Return the devices that share each batch: some of every process, in the order of the processes.

    Args:
        device: the first one of this process.
        count: how many of each process.
        batch: examples that they share.

    Raises:
        DeviceError: when there are fewer, or more than examples.
    """
    platform = device.platform
    there = len(jax.local_devices(backend=platform))
    if count > there:
        fix = f"ask for {there}"
        if platform == "cpu":
            fix += f', or for virtual ones before JAX starts: jax.config.update("jax_num_cpu_devices", {count})'
        is_are = "is" if there == 1 else "are"
        raise DeviceError(f"{plural(count, f'{platform} device')}: there {is_are} {there} here", fix)
    processes = jax.process_count()
    if count * processes > batch:
        each = f"{plural(count, 'device')} in each of {processes} processes" if processes > 1 else f"{count} devices"
        raise DeviceError(f"{each} cannot share a batch of {batch}: each needs an example", "a larger --batch")
    if processes == 1:
        others = [other for other in jax.local_devices(backend=platform) if other != device]
        return (device, *others[: count - 1])
    return tuple(d for p in range(processes) for d in jax.local_devices(p, platform)[:count])


def is_leader() -> bool:
    """Return whether this process is the one that keeps and shows what several do together."""
    return jax.process_index() == 0


def require_agreement(text: str) -> None:
    """Wait until every process has called this; raises DeviceError when their texts differ."""
    if jax.process_count() == 1:
        return
    from jax.experimental import multihost_utils  # noqa: PLC0415

    own = np.frombuffer(sha256(text.encode()).digest(), np.uint8)
    if (np.asarray(multihost_utils.process_allgather(own)) != own).any():
        raise DeviceError(
            "the processes do not train the same: their networks, recipes or data differ",
            "give every process the same spec, options and dataset",
        )
