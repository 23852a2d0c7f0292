"""Run a program and record which calls in the source of some packages were made on torch objects.

    python -m benchmarks.accuracy.record OUT.json --judged timm,transformers PROGRAM.py [ARGUMENT …]

needs torch and what the program needs, not jaxport. Of the files of the judged packages it records

* `ran`: every call expression that was evaluated, whatever it calls;
* `calls`: those of them that called a watched method of a torch object, by kind (see `judge`).

The tracer that `sys.settrace` sets sees each Python function that is entered. If it is a watched
one, and what it is given is a torch object, the call expression is that of the frame below. Torch's
own decorators lie between the two and are stepped over. So are functions of a package that call
the method by another name (`fn(*args)` in a decorator), if a frame further out names it. A call
from inside torch does not count.

A program says which families it ran through `families.attempt`.
"""

from __future__ import annotations

import argparse
import ast
import dis
import functools
import inspect
import json
import os
import runpy
import sys
import threading
import traceback
import weakref
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.accuracy import families
from benchmarks.accuracy.missing_ops import define_missing_ops

Position = tuple[int, int, int, int]
_CALLS = frozenset({"PRECALL", "CALL_FUNCTION_EX"})
# Functions of torch and of Python that stand between a call and the method, and do nothing else.
_DECORATORS = frozenset(
    {
        ("torch/optim/optimizer.py", "wrapper"),
        ("torch/optim/optimizer.py", "_use_grad"),
        ("torch/optim/lr_scheduler.py", "wrapper"),
        ("torch/utils/_contextlib.py", "decorate_context"),
        ("torch/_compile.py", "inner"),
        ("torch/_dynamo/eval_frame.py", "_fn"),
        ("torch/_dynamo/eval_frame.py", "__call__"),
        ("contextlib.py", "inner"),
        ("accuracy/record.py", "parameters"),
    }
)
# How many functions that call the method by another name are stepped over.
_DEPTH = 4


class Recorder:
    """Records the calls in files below `root`, a folder of packages, of the packages `judged`."""

    def __init__(self, root: Path, judged: frozenset[str]) -> None:
        self.root = os.path.join(root.resolve(), "")
        self.judged = judged
        self.torch = os.path.join(self.root, "torch", "")
        self.codes: dict[int, _Code] = {}  # by id: to hash a code object takes long
        self.calls: dict[str, dict[str, set[Position]]] = defaultdict(lambda: defaultdict(set))
        self.callees: dict[str, dict[tuple[int, int], str]] = {}
        self.files: dict[str, str] = {}
        self.made: weakref.WeakSet[Any] = weakref.WeakSet()
        self.kinds = _kinds()

    def start(self) -> None:
        """Trace this thread and those that are started from now on."""
        _name_parameters()
        threading.settrace(self.entered)
        sys.settrace(self.entered)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    # What ran

    def entered(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The tracer of `sys.settrace`: called for every function that is entered."""
        code = frame.f_code
        if code.co_name in self.kinds:
            self._watched(frame)
        known = self.codes.get(id(code))
        if known is None:
            known = self.codes[id(code)] = _Code(code, bool(self._file(code)))
        if not known.pending:
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return known.traced

    def _file(self, code: CodeType) -> str:
        """The file of a judged package that the code is in, from the package on; else empty."""
        name = code.co_filename
        found = self.files.get(name)
        if found is None:
            inside = name[len(self.root) :] if name.startswith(self.root) else ""
            judged = inside.split(os.sep)[0] in self.judged
            found = self.files[name] = inside if judged else ""
        return found

    # Who called

    def _watched(self, frame: FrameType) -> None:
        code = frame.f_code
        if not code.co_argcount or code.co_flags & inspect.CO_GENERATOR:
            return
        name = code.co_name
        given = frame.f_locals.get(code.co_varnames[0])
        kind, classes = self.kinds[name]
        if not issubclass(type(given), classes):
            return
        if name == "__init__":
            if given in self.made:
                return  # from the constructor of a subclass
            self.made.add(given)
        self._record(frame, kind, name)

    def _record(self, frame: FrameType, kind: str, name: str) -> None:
        by_name = name not in ("__init__", "_wrapped_call_impl")
        first: tuple[str, Position] | None = None
        caller = frame.f_back
        for _ in range(_DEPTH):
            while caller is not None and self._is_decorator(caller.f_code):
                caller = caller.f_back
            if caller is None or caller.f_code.co_filename.startswith(self.torch):
                break
            path = self._file(caller.f_code)
            position = _position(caller)
            callee = self._callee(caller.f_code.co_filename, position)
            if path and first is None:
                first = path, position
            if not by_name or callee == name:
                first = (path, position) if path else None
                break
            caller = caller.f_back
        if first is not None and not (name == "__init__" and self._is_super(first)):
            self.calls[first[0]][kind].add(first[1])

    def _is_super(self, place: tuple[str, Position]) -> bool:
        path, position = place
        return self._callee(self.root + path, position) == "__init__"

    def _is_decorator(self, code: CodeType) -> bool:
        tail = code.co_filename.replace(os.sep, "/")
        return any(
            code.co_name == name and tail.endswith("/" + file) for file, name in _DECORATORS
        )

    def _callee(self, file: str, position: Position) -> str:
        """What the call expression that ends there calls: the last part of its name."""
        if file not in self.callees:
            self.callees[file] = _callees(file)
        return self.callees[file].get(position[2:], "")

    # The result

    def result(self) -> dict[str, Any]:
        ran: dict[str, set[Position]] = defaultdict(set)
        for known in self.codes.values():
            done = known.calls - known.pending
            if done:
                positions = list(known.code.co_positions())
                for offset in done:
                    ran[self._file(known.code)].add(_rows_first(positions[offset // 2]))
        return {
            "families": families.OUTCOMES,
            "calls": {
                path: {kind: sorted(found) for kind, found in kinds.items()}
                for path, kinds in self.calls.items()
            },
            "ran": {path: sorted(found) for path, found in ran.items()},
        }


class _Code:
    """A function's code: the offsets of its calls, and of those that have not been run yet."""

    def __init__(self, code: CodeType, judged: bool) -> None:
        self.code = code
        self.calls = _call_offsets(code) if judged else frozenset()
        self.pending = set(self.calls)

    def traced(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The tracer of the opcodes of a frame with this code."""
        self.pending.discard(frame.f_lasti)
        return self.traced


def _kinds() -> dict[str, tuple[str, tuple[type, ...]]]:
    """By the name of the function that is entered: the kind, and the classes that it counts for."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    module, optimizer = torch.nn.Module, torch.optim.Optimizer
    return {
        "register_buffer": ("register_buffer", (module,)),
        "register_parameter": ("register_parameter", (module,)),
        "state_dict": ("state_dict", (module,)),
        "load_state_dict": ("load_state_dict", (module,)),
        "parameters": ("parameters", (module,)),
        "__init__": ("constructor", (optimizer,)),
        "step": ("step", (optimizer, torch.amp.GradScaler)),
        "zero_grad": ("zero_grad", (optimizer, module)),
        "_wrapped_call_impl": ("batch_norm", (_BatchNorm,)),
    }


def _name_parameters() -> None:
    """Make `parameters` a plain function: a generator is entered when its first item is asked for.
    """
    import torch

    torch.nn.Module.parameters = _plain(torch.nn.Module.parameters)

    def made(cls: type, /, **keywords: Any) -> None:
        super(torch.nn.Module, cls).__init_subclass__(**keywords)
        own = cls.__dict__.get("parameters")
        if inspect.isgeneratorfunction(own):
            cls.parameters = _plain(own)  # type: ignore[attr-defined]

    torch.nn.Module.__init_subclass__ = classmethod(made)


def _plain(generator: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(generator)
    def parameters(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return generator(self, *arguments, **keywords)

    return parameters


def _call_offsets(code: CodeType) -> frozenset[int]:
    return frozenset(
        instruction.offset
        for instruction in dis.get_instructions(code)
        if instruction.opname in _CALLS
    )


def _position(frame: FrameType) -> Position:
    """The expression that the frame is evaluating, columns in bytes."""
    return _rows_first(list(frame.f_code.co_positions())[frame.f_lasti // 2])


def _rows_first(position: Any) -> Position:
    row, end_row, column, end_column = position
    return row or 0, column or 0, end_row or 0, end_column or 0


def _callees(file: str) -> dict[tuple[int, int], str]:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        (node.end_lineno or 0, node.end_col_offset or 0): getattr(
            node.func, "attr", getattr(node.func, "id", "")
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def main() -> None:
    """Run a program under the recorder; the exit code is 1 if it fails."""
    parser = argparse.ArgumentParser(description="Record the torch calls that a program makes.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--judged", required=True, help="the packages that count, with commas")
    parser.add_argument("program", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    define_missing_ops()
    root = Path(torch.__file__).parents[1]
    recorder = Recorder(root, frozenset(options.judged.split(",")))
    error = ""
    sys.argv = [str(options.program), *options.arguments]
    recorder.start()
    try:
        runpy.run_path(str(options.program), run_name="__main__")
    except SystemExit as stopped:
        error = f"exit code {stopped.code}" if stopped.code else ""
    except BaseException as raised:
        error = families.described(raised)
        traceback.print_exc()
    recorder.stop()
    options.out.write_text(json.dumps({"error": error, **recorder.result()}))
    # Threads and workers that a program left behind are of no interest.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if error else 0)


if __name__ == "__main__":
    main()
