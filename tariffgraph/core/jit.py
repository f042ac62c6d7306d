# ruff: noqa: ARG001 - numba looks at the names of arguments
# mypy: disable-error-code="call-arg, no-untyped-call"
"""The one place that knows numba: kernels run as they are on small problems, compiled on large ones.

Importing numba and compiling take seconds, which a small job is spared. Set ``TARIFFGRAPH_JIT`` to ``0`` or ``1`` to
never or always compile; the results are the same bits. What was compiled is kept in a folder of the user's own
(``TARIFFGRAPH_CACHE``, else the usual place for caches), so that the next process does not compile again; a folder that
cannot be used, or a file that is damaged, costs a compilation and nothing else.
"""

from __future__ import annotations

import hashlib
import operator
import os
import pickle
import sys
import tempfile
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import kernels
from .folder import own_folder

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPILE_ABOVE", "compiles", "kernel"]

#: Number of steps (visits of an input, about) from which compiling pays: uncompiled, one takes a tenth of a
#: microsecond, and a problem is solved more than once; numba takes a second to be imported, more to compile.
COMPILE_ABOVE = 300_000
#: Bytes that a prefetch brings in.
CACHE_LINE = 64


def kernel(name: str, steps: float) -> Callable[..., Any]:
    """Return the kernel ``name``, compiled when it is about to take more than ``COMPILE_ABOVE`` steps."""
    return _compiled(name) if compiles(steps) else _plain(name)


def compiles(steps: float) -> bool:
    """Return whether a kernel that is about to take so many steps is compiled."""
    wish = os.environ.get("TARIFFGRAPH_JIT", "")
    return wish == "1" or (wish != "0" and steps > COMPILE_ABOVE)


@cache
def _plain(name: str) -> Callable[..., Any]:
    """Return the kernel on views that hand out Python's own numbers: the same bits, five times faster than NumPy's."""
    function: Callable[..., Any] = getattr(kernels, name)
    if name in kernels.BY_COLUMNS:
        return function

    @wraps(function)
    def plain(*arguments: Any) -> Any:
        return function(*(one.data if isinstance(one, np.ndarray) else one for one in arguments))

    return plain


@cache
def _compiled(name: str) -> Callable[..., Any]:
    import numba

    _teach_numba()
    compiled: Any = numba.njit(nogil=True)(getattr(kernels, name))
    with suppress(Exception):  # a numba that keeps its results in another way: compile in every process
        compiled._cache = _kept(name)
    return compiled  # type: ignore[no-any-return]


def _kept(name: str) -> Any:
    """Return numba's cache of one kernel, in a folder of the user's own and checked before use."""
    import numba
    from numba.core import caching, compiler, serialize

    versions = (numba.__version__, sys.version)
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in (kernels, sys.modules[__name__]))

    class Kept(caching.NullCache):
        def path(self, signature: Any, codegen: Any) -> Path | None:
            folder = own_folder("kernels")
            key = repr((str(signature), codegen.magic_tuple(), versions)).encode() + sources
            return folder and folder / f"{name}-{hashlib.sha256(key).hexdigest()[:24]}.bin"

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            target_context.refresh()
            try:
                path = self.path(sig, target_context.codegen())
                data = path.read_bytes() if path else b""
                if hashlib.sha256(data[32:]).digest() != data[:32]:
                    return None
                return compiler.CompileResult._rebuild(target_context, *pickle.loads(data[32:]))  # noqa: S301 - our own
            except Exception:  # noqa: BLE001 - whatever is wrong with a kept file, compiling again mends it
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                path = self.path(sig, data.codegen)
                if path is None or data.library.has_dynamic_globals:
                    return
                content = serialize.dumps(data._reduce())
                handle, name = tempfile.mkstemp(dir=path.parent)
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                Path(name).replace(path)
            except Exception:  # noqa: BLE001 - a folder that is full or read-only keeps nothing
                return

    return Kept()


@cache
def _teach_numba() -> None:
    """Tell numba what ``kernels.lanes`` and its company are in machine code: a packed vector of ``COLUMNS`` numbers."""
    from numba.core import cgutils, types
    from numba.extending import intrinsic, models, overload, register_jitable, register_model

    ir: Any = vars(cgutils)["ir"]  # llvmlite's
    byte, word = ir.IntType(8), ir.IntType(32)
    vectors = {
        types.float64: ir.VectorType(ir.DoubleType(), kernels.COLUMNS),
        types.float32: ir.VectorType(ir.FloatType(), kernels.COLUMNS),
    }
    words, halves = ir.VectorType(word, kernels.COLUMNS), ir.VectorType(ir.IntType(16), kernels.COLUMNS)

    class Lanes(types.Type):
        def __init__(self, of: Any) -> None:
            super().__init__(f"Lanes({of})")
            self.of = of

    @register_model(Lanes)
    class LanesModel(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, vectors[kind.of])

    def address(context: Any, builder: Any, kind: Any, array: Any, row: Any, to: Any) -> Any:
        """Return a pointer to the beginning of a row."""
        parts = context.make_array(kind)(context, builder, array)
        step = cgutils.unpack_tuple(builder, parts.strides)[0]
        distance = builder.mul(row, step)
        start = builder.ptrtoint(parts.data, distance.type)
        return builder.inttoptr(builder.add(start, distance), to.as_pointer())

    def known(kind: Any, *of: Any, dimensions: int = 2) -> bool:
        return isinstance(kind, types.Array) and kind.ndim == dimensions and kind.dtype in of

    @intrinsic
    def load(_: Any, array: Any, row: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = address(context, builder, signature.args[0], *values, vectors[array.dtype])
            return builder.load(pointer, align=array.dtype.bitwidth // 8)

        return Lanes(array.dtype)(array, types.uintp), code

    @intrinsic
    def look_up(_: Any, table: Any, numbers: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            own, of = (context.make_array(signature.args[k])(context, builder, values[k]).data for k in (0, 1))
            row = ir.Constant(vectors[table.dtype], ir.Undefined)
            for lane in range(kernels.COLUMNS):
                place = builder.add(values[2], values[2].type(lane))
                number = builder.zext(builder.load(builder.gep(of, [place])), values[2].type)
                row = builder.insert_element(row, builder.load(builder.gep(own, [number])), word(lane))
            return row

        return Lanes(table.dtype)(table, numbers, types.uintp), code

    @intrinsic
    def load_whole(_: Any, array: Any, row: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = address(context, builder, signature.args[0], *values, halves)
            wide = builder.zext(builder.load(pointer, align=2), words)
            return builder.sitofp(wide, vectors[types.float32])

        return Lanes(types.float32)(array, types.uintp), code

    @intrinsic
    def store(_: Any, array: Any, row: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = address(context, builder, signature.args[0], *values[:2], vectors[array.dtype])
            number = values[2] if value.of == array.dtype else builder.fptrunc(values[2], vectors[array.dtype])
            builder.store(number, pointer, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.none(array, types.uintp, value), code

    @intrinsic
    def store_whole(_: Any, array: Any, row: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = address(context, builder, signature.args[0], *values[:2], halves)
            zero = ir.Constant(vectors[types.float32], [0.0] * kernels.COLUMNS)
            above = builder.select(builder.fcmp_ordered(">", values[2], zero), values[2], zero)
            builder.store(builder.trunc(builder.fptosi(above, words), halves), pointer, align=2)
            return context.get_dummy_value()

        return types.none(array, types.uintp, Lanes(types.float32)), code

    @intrinsic
    def fetch(_: Any, array: Any, row: Any) -> Any:
        length = array.dtype.bitwidth // 8 * kernels.COLUMNS

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer = address(context, builder, signature.args[0], *values, byte)
            kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
            function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
            for at in range(0, length, CACHE_LINE):
                builder.call(function, [builder.gep(pointer, [word(at)]), word(0), word(3), word(1)])
            return context.get_dummy_value()

        return types.none(array, types.uintp), code

    def spread(builder: Any, value: Any, vector: Any) -> Any:
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, word(0))
        return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(words, [0] * kernels.COLUMNS))

    def arithmetic(operation: Callable[[Any, Any], Any], instruction: str) -> None:
        @intrinsic
        def compute(_: Any, left: Any, right: Any) -> Any:
            result = left if isinstance(left, Lanes) else right

            def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
                both = [
                    value if kind == result else spread(builder, value, vectors[result.of])
                    for kind, value in zip((left, right), values, strict=True)
                ]
                return getattr(builder, instruction)(*both)

            return result(left, right), code

        @overload(operation, strict=False)
        def choose(left: Any, right: Any) -> Any:
            of = {kind.of if isinstance(kind, Lanes) else kind for kind in (left, right)}
            if (isinstance(left, Lanes) or isinstance(right, Lanes)) and len(of) == 1:
                return lambda left, right: compute(left, right)
            return None

    arithmetic(operator.add, "fadd")
    arithmetic(operator.sub, "fsub")
    arithmetic(operator.mul, "fmul")

    @overload(kernels.lanes, strict=False)
    def lanes(rows: Any, row: Any) -> Any:
        return (lambda rows, row: load(rows, row)) if known(rows, *vectors) else None

    @overload(kernels.stretch, strict=False)
    def stretch(numbers: Any, at: Any) -> Any:
        return (lambda numbers, at: load(numbers, at)) if known(numbers, *vectors, dimensions=1) else None

    @overload(kernels.picked, strict=False)
    def picked(table: Any, numbers: Any, at: Any) -> Any:
        if not known(table, *vectors, dimensions=1) or not isinstance(numbers.dtype, types.Integer):
            return None
        return lambda table, numbers, at: look_up(table, numbers, at)

    @overload(kernels.widened, strict=False)
    def widened(rows: Any, row: Any) -> Any:
        return (lambda rows, row: load_whole(rows, row)) if known(rows, types.uint16) else None

    @overload(kernels.put, strict=False)
    def put(rows: Any, row: Any, value: Any) -> Any:
        return (lambda rows, row, value: store(rows, row, value)) if known(rows, *vectors) else None

    @overload(kernels.put_stretch, strict=False)
    def put_stretch(numbers: Any, at: Any, value: Any) -> Any:
        if not known(numbers, *vectors, dimensions=1):
            return None
        return lambda numbers, at, value: store(numbers, at, value)

    @overload(kernels.put_whole, strict=False)
    def put_whole(rows: Any, row: Any, value: Any) -> Any:
        return (lambda rows, row, value: store_whole(rows, row, value)) if known(rows, types.uint16) else None

    @overload(kernels.prefetch, strict=False)
    def prefetch(rows: Any, row: Any) -> Any:
        return (lambda rows, row: fetch(rows, row)) if isinstance(rows, types.Array) else None

    def folded(of_two: Callable[[Any, Any, Any], Any]) -> Any:
        """Return an intrinsic that makes one number of a row, by halves."""

        @intrinsic
        def fold(_: Any, value: Any) -> Any:
            def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
                (row,) = values
                width = kernels.COLUMNS
                while width > 1:
                    width //= 2
                    undefined = ir.Constant(row.type, ir.Undefined)
                    places = [list(range(start, start + width)) for start in (0, width)]
                    masks = [ir.Constant(ir.VectorType(word, width), one) for one in places]
                    row = of_two(builder, *(builder.shuffle_vector(row, undefined, mask) for mask in masks))
                return builder.extract_element(row, word(0))

            return value.of(value), code

        return fold

    add_up = folded(lambda builder, one, two: builder.fadd(one, two))
    largest = folded(lambda builder, one, two: builder.select(builder.fcmp_ordered(">", one, two), one, two))

    for called in kernels.CALLED:
        register_jitable(getattr(kernels, called))

    def counter(context: Any, builder: Any, kind: Any, counters: Any, at: Any) -> Any:
        return builder.gep(context.make_array(kind)(context, builder, counters).data, [at])

    @intrinsic
    def add_one(_: Any, counters: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            place = counter(context, builder, signature.args[0], *values)
            return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

        return types.int64(counters, types.int64), code

    @intrinsic
    def look(_: Any, counters: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.load_atomic(counter(context, builder, signature.args[0], *values), "acquire", 8)

        return types.int64(counters, types.int64), code

    def counting(function: Callable[..., Any], work: Any, at: int) -> None:
        @overload(function, strict=False)
        def count(counters: Any) -> Any:
            return lambda counters: work(counters, at)

    counting(kernels.claim, add_one, 0)
    counting(kernels.finish, add_one, kernels.OF_ITS_OWN)
    counting(kernels.finished, look, kernels.OF_ITS_OWN)
    counting(kernels.tell_put_off, add_one, 2 * kernels.OF_ITS_OWN)
    counting(kernels.put_off, look, 2 * kernels.OF_ITS_OWN)

    @overload(kernels.across, strict=False)
    def across(value: Any) -> Any:
        return (lambda value: add_up(value)) if isinstance(value, Lanes) else None

    @overload(kernels.highest, strict=False)
    def highest(value: Any) -> Any:
        return (lambda value: largest(value)) if isinstance(value, Lanes) else None
