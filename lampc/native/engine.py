"""Compiling LLVM's language for this machine, and keeping the result on disk."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from lampc.native.code import Target


@dataclass(frozen=True)
class Host:
    """The machine as LLVM sees it."""

    triple: str
    cpu: str
    features: str
    target: Target


@cache
def host() -> Host:
    """Ask LLVM what this machine is."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        target = Target(64, 32)
    elif features.get("avx"):
        target = Target(32, 16)
    else:  # NEON has 32 registers, SSE 16
        target = Target(16, 32 if features.get("neon") else 16)
    flat = features.flatten() + (",-prefer-256-bit" if features.get("avx512f") else "")
    return Host(llvm.get_process_triple(), llvm.get_host_cpu_name(), flat, target)


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
