"""Arrays that are looked at, not owned: passing one on costs no atomic reference count.

A compiled function may borrow its own parameters only: its caller holds them until it returns. A variable that is
borrowed where it is made would be freed at once, as nothing else uses it.
"""

from typing import Any

from numba import types
from numba.extending import intrinsic


def _borrowed(typing_context, owned):  # noqa: ARG001 - numba calls it so
    """Give an array, or a named tuple of arrays and numbers, without the owner of its memory."""

    def view(context, builder, kind, value):
        if not isinstance(kind, types.Array):
            return value
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = context.get_constant_null(types.MemInfoPointer(types.voidptr))
        array.parent = context.get_constant_null(types.pyobject)
        return array._getvalue()  # noqa: SLF001 - numba's way

    def lower(context, builder, signature, arguments):
        kind = signature.args[0]
        if isinstance(kind, types.Array):
            return view(context, builder, kind, arguments[0])
        items = [
            view(context, builder, item, builder.extract_value(arguments[0], place))
            for place, item in enumerate(kind.types)
        ]
        return context.make_tuple(builder, signature.return_type, items)

    return owned(owned), lower


borrowed: Any = intrinsic(_borrowed)
