"""Compiling LLVM's language for this machine, and keeping the result on disk."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from lampc.native.code import Target
from lampc.native.spaces import NoNativeForm


@dataclass(frozen=True)
class Host:
    """The machine as LLVM sees it."""

    triple: str
    cpu: str
    features: str
    target: Target


LEVELS = {
    "x86-64": Target(16, 16, fma=False),
    "x86-64-v2": Target(16, 16, fma=False),
    "x86-64-v3": Target(32, 16),
    "x86-64-v4": Target(64, 32),
}
"""What ``LAMPC_TARGET`` may name, from the oldest to the newest."""
_NEEDED = {"x86-64": "sse2", "x86-64-v2": "sse4.2", "x86-64-v3": "avx2", "x86-64-v4": "avx512f"}


def host() -> Host:
    """What this machine is: as LLVM finds it, or as ``LAMPC_TARGET`` says.

    Raises:
        NoNativeForm: if that names no processor, or one whose code this machine could not run.
    """
    return _host(os.environ.get("LAMPC_TARGET") or "native")


@cache
def _host(named: str) -> Host:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_process_triple()
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # unknown to LLVM
        features = llvm.FeatureMap()
    if named != "native":
        if named not in LEVELS:
            raise NoNativeForm(f"LAMPC_TARGET={named} is not one of native, {', '.join(LEVELS)}")
        if not features.get(_NEEDED[named]):
            raise NoNativeForm(f"LAMPC_TARGET={named} has what this machine has not: {_NEEDED[named]}")
        return Host(triple, named, _WIDE if LEVELS[named].bytes == 64 else "", LEVELS[named])
    if not features:
        return Host(triple, "generic", "", Target(16, 16, fma=False))
    fma = bool(features.get("fma") or features.get("neon"))
    if features.get("avx512f"):
        target = Target(64, 32, fma)
    elif features.get("avx"):
        target = Target(32, 16, fma)
    else:  # NEON has 32 registers, SSE 16
        target = Target(16, 32 if features.get("neon") else 16, fma)
    flat = features.flatten() + (f",{_WIDE}" if features.get("avx512f") else "")
    return Host(triple, llvm.get_host_cpu_name(), flat, target)


_WIDE = "-prefer-256-bit"


def refusal() -> str | None:
    """Why no machine code can run here; None if it can."""
    try:
        import llvmlite.binding as llvm

        host()
        llvm.check_jit_execution()
    except ImportError:
        return "llvmlite is not installed"
    except NoNativeForm as error:
        return str(error)
    except OSError:
        return "the system does not let memory be executed"
    return None


def machine() -> Any:
    """LLVM's code generator for this machine."""
    import llvmlite.binding as llvm

    found = host()
    return llvm.Target.from_triple(found.triple).create_target_machine(cpu=found.cpu, features=found.features, opt=2, jit=True)


def optimised(text: str, target_machine: Any) -> Any:
    """A module, parsed, verified and optimised; what it says of vectors and blocks is left as it is."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.triple = host().triple
    module.data_layout = str(target_machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=0)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = options.loop_interleaving = False
    builder = llvm.create_pass_builder(target_machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


class Code:
    """Machine code in memory; its functions live as long as it does."""

    def __init__(self, object_code: bytes) -> None:
        import llvmlite.binding as llvm

        llvm.check_jit_execution()  # raises OSError; without it the process would be killed
        empty = llvm.parse_assembly("")
        self._engine = llvm.create_mcjit_compiler(empty, machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(object_code))
        self._engine.finalize_object()

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """A function to call; it runs without Python's lock."""
        return ctypes.CFUNCTYPE(result, *arguments)(self._engine.get_function_address(name))


def compile_text(text: str) -> bytes:
    """The object code of a module."""
    target_machine = machine()
    code: bytes = target_machine.emit_object(optimised(text, target_machine))
    return code


def assembly(text: str) -> str:
    """The assembly code of a module."""
    target_machine = machine()
    found: str = target_machine.emit_assembly(optimised(text, target_machine))
    return found
