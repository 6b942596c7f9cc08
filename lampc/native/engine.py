"""Compiling LLVM's language for this machine, or for another one to be read."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from lampc.native.code import Target
from lampc.native.spaces import NoNativeForm


@dataclass(frozen=True)
class Host:
    """The machine that code is made for, as LLVM sees it."""

    triple: str
    cpu: str
    features: str
    target: Target
    foreign: bool = False
    """Whether it is of another architecture than this one: its code can be read, not run."""


LEVELS = {
    "x86-64": Target(16, 16, fma=False),
    "x86-64-v2": Target(16, 16, fma=False),
    "x86-64-v3": Target(32, 16),
    "x86-64-v4": Target(64, 32),
    "aarch64": Target(16, 32),
}
"""What ``LAMPC_TARGET`` may name: of x86 from the oldest to the newest, and ARM's, which all have NEON."""
_NEEDED = {"x86-64": "sse2", "x86-64-v2": "sse4.2", "x86-64-v3": "avx2", "x86-64-v4": "avx512f"}
_ARM = ("aarch64", "arm64")
"""How triples call ARM's architecture of 64 bits."""


def host() -> Host:
    """What this machine is: as LLVM finds it, or as ``LAMPC_TARGET`` says.

    Raises:
        NoNativeForm: if that names no processor, or one of this architecture whose code this machine could not run; or if
            this Python's addresses are not of 64 bits, as those in the tables that code reads are.
    """
    return _host(os.environ.get("LAMPC_TARGET") or "native")


@cache
def _host(named: str) -> Host:
    import llvmlite.binding as llvm

    if ctypes.sizeof(ctypes.c_void_p) != 8:
        raise NoNativeForm("this Python's addresses are not of 64 bits")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    found = _native(llvm) if named == "native" else _named(named, llvm)
    return found if sys.platform != "win32" or found.foreign else replace(found, target=replace(found.target, yields=""))


def _features(llvm: Any) -> Any:
    """What LLVM finds that the processor has: a map, empty if it does not know it."""
    try:
        return llvm.get_host_cpu_features()
    except RuntimeError:
        return llvm.FeatureMap()


def _native(llvm: Any) -> Host:
    triple, features = llvm.get_process_triple(), _features(llvm)
    if triple.startswith(_ARM):
        return Host(triple, llvm.get_host_cpu_name() if features else "generic", features.flatten(), LEVELS["aarch64"])
    if not features:
        return Host(triple, "generic", "", LEVELS["x86-64"])
    fma = bool(features.get("fma"))
    target = Target(64, 32, fma) if features.get("avx512f") else Target(32 if features.get("avx") else 16, 16, fma)
    flat = features.flatten() + (f",{_WIDE}" if features.get("avx512f") else "")
    return Host(triple, llvm.get_host_cpu_name(), flat, target)


def _named(name: str, llvm: Any) -> Host:
    """The oldest processor of a level."""
    if name not in LEVELS:
        raise NoNativeForm(f"LAMPC_TARGET={name} is not one of native, {', '.join(LEVELS)}")
    triple, target, arm = llvm.get_process_triple(), LEVELS[name], name == "aarch64"
    cpu, wide = "generic" if arm else name, _WIDE if target.bytes == 64 else ""
    if triple.startswith(_ARM) != arm:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        return Host(f"{'aarch64' if arm else 'x86_64'}-unknown-linux-gnu", cpu, wide, target, foreign=True)
    if not arm and not _features(llvm).get(_NEEDED[name]):
        raise NoNativeForm(f"LAMPC_TARGET={name} has what this machine has not: {_NEEDED[name]}")
    return Host(triple, cpu, wide, target)


_WIDE = "-prefer-256-bit"


def refusal() -> str | None:
    """Why no machine code can run here; None if it can."""
    try:
        import llvmlite.binding as llvm

        if host().foreign:
            return f"LAMPC_TARGET={os.environ['LAMPC_TARGET']} is another architecture, whose code can be read but not run here"
        llvm.check_jit_execution()
    except ImportError:
        return "llvmlite is not installed"
    except NoNativeForm as error:
        return str(error)
    except OSError:
        return "the system does not let memory be executed"
    return None


def machine() -> Any:
    """LLVM's code generator for this machine, or for the one that is named: then of code that a linker takes."""
    import llvmlite.binding as llvm

    found = host()
    linked = {"reloc": "pic", "codemodel": "default"} if found.foreign else {"jit": True}
    target = llvm.Target.from_triple(found.triple)
    return target.create_target_machine(cpu=found.cpu, features=found.features, opt=2, **linked)


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
