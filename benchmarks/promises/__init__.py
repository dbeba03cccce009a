"""What netspec promises, a file each: `measure` in the file of that name says what was done and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROMISES"]

PROMISES: Mapping[str, str] = {
    "kills": "a run survives `kill -9` at any moment, and resumes to the bits of one that was never stopped",
    "streamed_kills": "so does a run that reads pictures batch by batch, and keeps them decoded on disk",
    "signals": "Ctrl-C and SIGTERM save and stop, within a step and two seconds",
    "nonfinite": "a number that is not finite stops the run, is traced to its cause, and is never saved",
    "repeats": "the same spec, seed and machine give the same bits",
    "model_flips": "a damaged model file never loads",
    "hostile_models": "a model file made to do harm is refused, and takes little memory",
    "data_flips": "a damaged dataset never loads",
    "fetches": "many processes that fetch the same dataset at once, from mirrors that misbehave, all get the right one",
    "bad_inputs": "a bad picture or array is one error that names the file",
    "hostile_tables": "a table, however damaged or made to do harm, is one clear error or is read, in little memory",
    "hostile_archives": "an archive of pictures made to do harm is refused or read in place, in little memory",
    "hostile_imports": "a file of another program made to do harm is refused or read; no code in it runs, in little "
    "memory",
    "bad_pictures": "each picture of a folder is trained on, or named and counted as one that cannot be read",
    "fuzzed_specs": "whatever a spec says, what comes out is a network or a clear error",
    "huge_spec": "a spec that asks for 10¹² parameters is refused at once, the layer named, before JAX is imported",
}
"""What is promised, by the file that measures it, in the order of the page."""
