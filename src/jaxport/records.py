"""What `dataclasses` does for classes that only hold values, without what it costs to load.

`dataclasses` imports `inspect` and compiles five functions for each class, which took as long as
the rest of a small check. Here a class is taken as it is, and its `__init__` is compiled when the
first instance is made. That nothing assigns to a frozen record is left to the type checker.
"""

from __future__ import annotations

from operator import attrgetter

__all__ = ["field", "record", "replace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from dataclasses import field, replace
else:

    _MISSING = object()

    class field:
        """What `dataclasses.field` says of a field: the options that are used here."""

        def __init__(self, default=_MISSING, default_factory=None, init=True, compare=True):
            self.default = default
            self.default_factory = default_factory
            self.init = init
            self.compare = compare

    def record(cls=None, *, frozen=False, eq=True, order=False, slots=False):
        """Make `cls` a class of records, as `dataclasses.dataclass` does."""
        if cls is None:
            return lambda cls: record(cls, frozen=frozen, eq=eq, order=order, slots=slots)
        fields = {}
        for base in reversed(cls.__mro__[1:]):
            fields.update(base.__dict__.get("__record__", {}))
        for name in cls.__annotations__:
            given = cls.__dict__.get(name, _MISSING)
            fields[name] = given if isinstance(given, field) else field(given)
            if name in cls.__dict__:
                delattr(cls, name)
        if slots:
            members = {name: value for name, value in vars(cls).items()
                       if name not in ("__dict__", "__weakref__")}
            cls = type(cls)(cls.__name__, cls.__bases__, {**members, "__slots__": tuple(fields)})
        cls.__record__ = fields
        cls.__match_args__ = tuple(name for name, item in fields.items() if item.init)
        cls.__init__ = _first
        cls.__repr__ = _repr
        if eq:
            key = _key([name for name, item in fields.items() if item.compare])
            _compared(cls, key, frozen, order)
        return cls

    def replace(item, /, **changes):
        """A copy of the record with other values in some of its fields."""
        values = {name: getattr(item, name) for name in type(item).__match_args__}
        return type(item)(**{**values, **changes})

    def _first(self, *args, **kwargs):
        """What `__init__` is until the first instance is made."""
        cls = next(base for base in type(self).__mro__ if base.__dict__.get("__init__") is _first)
        cls.__init__ = _init(cls)
        self.__init__(*args, **kwargs)

    def _init(cls):
        known, parameters, body = {"_missing": _MISSING}, [], []
        for name in cls.__match_args__:
            item = cls.__record__[name]
            value = name
            if item.default_factory is not None:
                known[f"_{name}"] = item.default_factory
                parameters.append(f"{name}=_missing")
                value = f"_{name}() if {name} is _missing else {name}"
            elif item.default is not _MISSING:
                known[f"_{name}"] = item.default
                parameters.append(f"{name}=_{name}")
            else:
                parameters.append(name)
            body.append(f"self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        exec(f"def __init__(self, {', '.join(parameters)}):\n    " + "\n    ".join(body), known)
        return known["__init__"]

    def _key(names):
        if len(names) == 1:
            get = attrgetter(names[0])
            return lambda item: (get(item),)
        return attrgetter(*names) if names else lambda item: ()

    def _compared(cls, key, frozen, order):
        def equal(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return self is other or key(self) == key(other)

        cls.__eq__ = equal
        cls.__hash__ = (lambda self: hash(key(self))) if frozen else None
        if order:
            for name in ("__lt__", "__le__", "__gt__", "__ge__"):
                setattr(cls, name, _ordered(key, getattr(tuple, name)))

    def _ordered(key, compare):
        def ordered(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return compare(key(self), key(other))

        return ordered

    def _repr(self):
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__record__
                           if hasattr(self, name))
        return f"{type(self).__qualname__}({values})"
