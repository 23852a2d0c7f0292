"""How the training step of each optimizer is written in JAX, or the one reason why it stays."""

from __future__ import annotations

import ast
import builtins

from jaxport.findings import Span
from jaxport.plans import Clip, LossFunction, Reset, Role, Training
from jaxport.semantics import half_ported
from jaxport.semantics.effects import block_of, effects, jumps
from jaxport.semantics.identity import same, sources
from jaxport.semantics.loss import CannotPort, Region, check_arguments, region
from jaxport.semantics.model import Model
from jaxport.semantics.optimizer import Optimizer, find
from jaxport.semantics.schedule import Schedule, is_constant, schedule
from jaxport.semantics.scopes import Scope
from jaxport.semantics.trained import Trained, of_parameters, trained
from jaxport.semantics.values import Evidence, Instance, LocalClass
from jaxport.tables import torch_names

_BACKWARD = ("backward", "manual_backward")
_CLIPS = {
    "torch.nn.utils.clip_grad_norm_": ("max_norm", "clip_by_global_norm"),
    "torch.nn.utils.clip_grad_value_": ("clip_value", "clip"),
}
_CLIP_NEUTRAL = {("norm_type", "2"), ("norm_type", "2.0"), ("error_if_nonfinite", "False")}


def optimizers(model: Model) -> list[Optimizer]:
    """Every optimizer of the file, with a plan for each of its calls or its blocker."""
    found = find(model)
    for optimizer in found:
        if optimizer.blocker:
            continue
        try:
            _Planner(model, optimizer, found).plan()
        except CannotPort as reason:
            optimizer.block(str(reason))
    while _check_together(model, found):
        pass
    return found


def _check_together(model: Model, found: list[Optimizer]) -> bool:
    """Leave what shares a function with a step that stays; whether there was any."""
    owners: dict[ast.Call, list[Optimizer]] = {}
    for optimizer in found:
        for call in () if optimizer.blocker else optimizer.backwards:
            owners.setdefault(call, []).append(optimizer)
    homes = {
        model.walk.where[call][0].function(): call
        for call in model.walk.calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in _BACKWARD
        and len(owners.get(call, [])) != 1
    }
    blocked = False
    stay = {
        model.walk.where[step][0].function(): step
        for optimizer in found if optimizer.blocker for step in optimizer.steps
    }
    for optimizer in found:
        for call in () if optimizer.blocker else optimizer.backwards:
            step = stay.get(model.walk.where[call][0].function())
            if step is not None:
                optimizer.block(f"`{ast.unparse(step)}` in line {step.lineno} beside it stays")
                blocked = True
        for call in () if optimizer.blocker else optimizer.backwards:
            other = homes.get(model.walk.where[call][0].function())
            if other is None:
                continue
            reason = f"`backward()` in line {other.lineno} of the same function can't be ported"
            if other is call:
                reason = "one `backward()` serves several optimizers"
            optimizer.block(reason)
            blocked = True
            break
    return blocked


class _Planner:
    def __init__(self, model: Model, optimizer: Optimizer, everyone: list[Optimizer]) -> None:
        self.model = model
        self.optimizer = optimizer
        self.others = [
            module
            for other in everyone
            if other is not optimizer
            for call in other.constructors
            for module in (root(item.module) for item in trained(model, call))
        ]
        self.everyone = everyone
        self.transforms: list[tuple[str, str]] = []
        self.total = ""

    def plan(self) -> None:
        optimizer = self.optimizer
        for step in optimizer.steps:
            if step.args or step.keywords:
                raise CannotPort("`step` takes a closure, and Optax has none")
            self._check_function(step)
        backwards = {step: self._backward(step) for step in optimizer.steps}
        for call in [*optimizer.steps, *optimizer.zero_grads]:
            if not isinstance(self.model.walk.parents[call], ast.Expr):
                assert isinstance(call.func, ast.Attribute)
                raise CannotPort(f"the result of `{call.func.attr}` is used")
        if not optimizer.steps and any(
            isinstance(self.model.walk.parents[call], ast.Return) for call in optimizer.constructors
        ):
            raise CannotPort("it leaves the function that makes it, so its steps can't be seen")
        if not any(backwards.values()):
            half_ported.check(self.model, optimizer, self.everyone)
            return
        regions: dict[ast.Call, Region] = {}
        for step, backward in backwards.items():
            if backward is None:
                raise CannotPort(f"no `backward()` is seen beside the step in line {step.lineno}")
            if backward in regions:
                raise CannotPort("one `backward()` serves several steps")
            modules = self._modules(backward)
            self._check_reset(step, backward, modules)
            regions[backward] = self._region(step, backward, modules)
        if len(regions) > 1 and len({self._home(call) for call in regions}) < len(regions):
            raise CannotPort(
                "it steps after several losses; a parameter that one of them does not use would "
                "be changed by Optax, and not by torch"
            )
        self._check_frozen()
        optimizer.backwards = list(regions)
        self._write(regions)

    # Finding the backward of a step

    def _backward(self, step: ast.Call) -> ast.Call | None:
        """The `backward()` in front of the step, in its block or one around it."""
        at: ast.stmt = self.model.walk.statement(step)
        while True:
            block = block_of(self.model, at)
            for statement in reversed(block[: block.index(at)]):
                calls = [
                    node for node in ast.walk(statement)
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                    and node.func.attr in _BACKWARD
                ]
                if not calls:
                    continue
                call = calls[-1]
                self._check_own(call)
                check_arguments(call)
                if self.model.walk.parents[call] is not statement:
                    raise CannotPort(
                        f"`backward()` in line {call.lineno} runs more often, or less, than the "
                        "step"
                    )
                return call
            parent = self.model.walk.parents[at]
            if not isinstance(parent, (ast.If, ast.With, ast.Try)):
                return None
            at = parent

    def _check_own(self, call: ast.Call) -> None:
        """That it is a tensor's `backward`, not one of a library that runs the step itself."""
        assert isinstance(call.func, ast.Attribute)
        receiver = call.func.value
        text = ast.unparse(receiver)
        inner = receiver.func if isinstance(receiver, ast.Call) else None
        if isinstance(inner, ast.Attribute) and inner.attr == "scale":
            raise CannotPort(
                "the loss is scaled for half precision (GradScaler): JAX trains in bfloat16 "
                "without it"
            )
        if self.model.qualified(receiver) == "torch.autograd":
            raise CannotPort("`torch.autograd.backward` takes several losses; add them up")
        if call.args and (call.func.attr == "manual_backward" or text.split(".")[-1] in (
            "accelerator", "fabric", "engine", "self", "model_engine", "booster", "scaler",
        )):
            raise CannotPort(f"`{text}.{call.func.attr}` runs the backward pass its own way")

    # What stands in the way

    def _home(self, node: ast.AST) -> Scope | None:
        return self.model.walk.where[node][0].function()

    def _check_function(self, step: ast.Call) -> None:
        home = self._home(step)
        node = home.node if home is not None else self.model.source.tree
        for inner in ast.walk(node):
            row = getattr(inner, "lineno", 0)
            match inner:
                case ast.Attribute(attr="grad") if self.model.qualified(inner) != (
                    "torch.autograd.grad"
                ) and not (self.model.qualified(inner) or "").startswith(("jax.", "flax.")):
                    raise CannotPort(
                        f"gradients are read or changed by hand in line {row}; change `grads` "
                        "instead, or use an Optax transformation"
                    )
                case ast.Call(func=func) if self.model.qualified(func) == "torch.autograd.grad":
                    raise CannotPort(f"`torch.autograd.grad` in line {row}: nest `jax.grad`")
                case ast.Call(func=func) if (self.model.qualified(func) or "").endswith(
                    "autocast"
                ):
                    raise CannotPort("autocast computes in half precision where torch sees fit")
                case ast.Call(func=ast.Attribute(attr=name)) if name.startswith("register_") and (
                    name.endswith("hook")
                ):
                    raise CannotPort(f"a hook in line {row} sees or changes the gradients")
                case ast.Attribute(attr="detect_anomaly" | "set_detect_anomaly"):
                    raise CannotPort("`detect_anomaly` stops at a NaN, which JAX trains on with")
                case ast.Await() | ast.Yield() | ast.YieldFrom() if self._home(inner) is home:
                    raise CannotPort(f"the step is left in line {row} (await, yield) and gone on")
                case ast.Name(id="locals" | "exec" | "eval") if isinstance(
                    self.model.walk.parents[inner], ast.Call
                ):
                    raise CannotPort(f"line {row} reads the variables of the step by itself")

    def _check_module(self, module: ast.expr) -> None:
        """That the model is a plain one, which stays the same while it is trained."""
        for value in self.model.infer(module):
            if isinstance(value, Instance) and set(self.model.ancestors(value)) & (
                torch_names.WRAPPERS
            ):
                raise CannotPort("the model is distributed (DDP); JAX shards arrays instead")
        for made in sources(self.model, module).values():
            if isinstance(made, ast.Call) and (self.model.qualified(made.func) or "").startswith(
                "torch.jit."
            ):
                raise CannotPort("the model is compiled with `torch.jit`; use `nnx.jit`")
        self._check_parts(module)
        first = min((call.lineno for call in self.optimizer.constructors), default=0)
        for node in self.model.walk.attributes:
            if node.attr == "share_memory":
                raise CannotPort("the model is shared between processes")
            if (
                isinstance(node.ctx, ast.Store) and first and node.lineno > first
                and isinstance(node.value, (ast.Name, ast.Attribute))
                and same(self.model, node.value, module)
                and self.model.role(node, "module")
            ):
                raise CannotPort(
                    f"`{ast.unparse(node)}` is replaced in line {node.lineno}, after the optimizer "
                    "was made for the old one"
                )

    def _check_parts(self, module: ast.expr) -> None:
        """That the model's code does not choose which of its parts it uses.

        torch does not touch a parameter without a gradient. Optax gets a gradient of zero, and goes
        on with momentum and weight decay.
        """
        if all(_is_plain_sgd(call) for call in self.optimizer.constructors) and (
            self.optimizer.constructors
        ):
            return
        for value in self.model.infer(module):
            if not isinstance(value, Instance) or not isinstance(value.of, LocalClass):
                continue
            for _, info in self.model.local_classes(value):
                for item in info.node.body:
                    if not isinstance(item, ast.FunctionDef) or item.name != "forward":
                        continue
                    chosen = _choice(item)
                    if chosen is not None:
                        raise CannotPort(
                            f"`{ast.unparse(chosen)}` chooses which parameters are used; torch "
                            "skips the others, Optax goes on with their momentum"
                        )

    def _check_errors(self, step: ast.Call) -> None:
        for block in self.model.walk.ancestors(step):
            if isinstance(block, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return
            for handler in getattr(block, "handlers", []):
                if "KeyboardInterrupt" not in ast.unparse(handler.type or ast.Constant(None)):
                    raise CannotPort(
                        f"an error in the step is caught in line {handler.lineno}, and what the "
                        "model computed until then would be undone"
                    )

    def _region(self, step: ast.Call, backward: ast.Call, modules: list[ast.expr]) -> Region:
        for module in modules:
            self._check_module(module)
        self._check_errors(step)
        ignored = {
            self.model.walk.statement(call)
            for call in [*self.optimizer.zero_grads, *self._model_resets(step, modules)]
        }
        return region(self.model, backward, modules, self.others, ignored)

    def _is_made_here(self, step: ast.Call) -> bool:
        """Whether a call of this file makes what steps, though not for certain this one."""
        return isinstance(step.func, ast.Attribute) and any(
            isinstance(value, Instance) and value.call in self.model.walk.where
            for value in self.model.infer(step.func.value)
        )

    def _modules(self, backward: ast.Call) -> list[ast.expr]:
        """The modules that the optimizer trains."""
        constructors = self.optimizer.constructors
        if constructors:
            modules: dict[str, ast.expr] = {}
            for item in trained(self.model, constructors[0]):
                modules.setdefault(ast.unparse(root(item.module)), root(item.module))
            return list(modules.values())
        if any(self._is_made_here(call) for call in self.optimizer.steps):
            raise CannotPort("it is made elsewhere in this file, where it stays torch's")
        # Made elsewhere: the one module that the function computes with.
        self.optimizer.evidence = min(self.optimizer.evidence, Evidence.USE)
        home = self._home(backward)
        seen: dict[str, ast.expr] = {}
        for call in self.model.walk.calls:
            if self._home(call) is home:
                for part in (call.func, getattr(call.func, "value", None)):
                    if isinstance(part, (ast.Name, ast.Attribute)) and self._is_model(part):
                        seen.setdefault(ast.unparse(part), part)
        if not seen:
            raise CannotPort("it is made elsewhere, and which model it trains can't be seen")
        if len(seen) > 1:
            names = ", ".join(f"`{name}`" for name in seen)
            raise CannotPort(f"it is made elsewhere, and could train any of {names}")
        return list(seen.values())

    def _is_model(self, node: ast.expr) -> bool:
        if self.model.role(node, "module") is None:
            return False
        names = {name for value in self.model.infer(node) for name in (
            self.model.ancestors(value) if isinstance(value, Instance) else ())}
        return not any(name.startswith("torch.nn.") and name.endswith("Loss") for name in names)

    def _model_resets(self, step: ast.Call, modules: list[ast.expr]) -> list[ast.Call]:
        """`model.zero_grad()`, which resets what the optimizer would reset."""
        return [
            call
            for call in self.model.walk.calls
            if isinstance(call.func, ast.Attribute)
            and call.func.attr == "zero_grad"
            and self._home(call) is self._home(step)
            and isinstance(self.model.walk.parents[call], ast.Expr)
            and any(same(self.model, call.func.value, module) for module in modules)
        ]

    def _chain(self, call: ast.Call) -> list[tuple[list[ast.stmt], int]]:
        """The blocks around a call up to the loop or function that repeats it, and its places."""
        at = self.model.walk.statement(call)
        found = []
        while True:
            block = block_of(self.model, at)
            found.append((block, block.index(at)))
            parent = self.model.walk.parents[at]
            if not isinstance(parent, (ast.If, ast.With, ast.Try)):
                return found
            at = parent

    def _check_reset(self, step: ast.Call, backward: ast.Call, modules: list[ast.expr]) -> None:
        """That each step sees the gradients of one `backward()` only."""
        self._check_alone(step, backward, modules)
        here = [
            call for call in self.optimizer.zero_grads if self._home(call) is self._home(step)
        ]
        more = self._model_resets(step, modules)
        self.optimizer.zero_grads += [
            call for call in more if call not in self.optimizer.zero_grads
        ]
        reason = self._adds_up(step, backward, [*here, *more])
        if not reason:
            return
        if not self._starts_clean(backward, [*here, *more]):
            raise CannotPort(reason)
        if len(self.optimizer.steps) > 1 or len(modules) > 1 or self._has_parts():
            raise CannotPort(reason)
        self.total = _free(["total_grads"], self._taken(self._home(step)))

    def _adds_up(self, step: ast.Call, backward: ast.Call, resets: list[ast.Call]) -> str:
        """Why a step can see the gradients of more than one `backward()`, if it can."""
        for reset in resets:
            statement = self.model.walk.statement(reset)
            for block, place in self._chain(backward):
                if statement in block[:place]:
                    return ""
            for block, place in self._chain(step):
                if statement not in block[place:]:
                    continue
                starts = {id(other): index for other, index in self._chain(backward)}
                if block is not block_of(self.model, self.model.walk.statement(backward)):
                    return "gradients are accumulated over several batches"
                between = block[starts.get(id(block), place) : block.index(statement)]
                if any(jumps(item) for item in between):
                    return (
                        "a step can be left before `zero_grad`, and its gradients are added to the "
                        "next one's"
                    )
                return ""
        if resets:
            return "`zero_grad` is not called for each step, so that gradients add up"
        return "`zero_grad` is not called beside the step, so that gradients add up"

    def _starts_clean(self, backward: ast.Call, resets: list[ast.Call]) -> bool:
        """Whether each run of the function resets the gradients before it adds to them."""
        at: ast.AST = self.model.walk.statement(backward)
        statements = [self.model.walk.statement(call) for call in resets]
        while isinstance(at, ast.stmt) and not isinstance(
            at, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            block = block_of(self.model, at)
            if any(item in statements for item in block[: block.index(at)]):
                return True
            at = self.model.walk.parents[at]
        return False

    def _has_parts(self) -> bool:
        return any(
            len(items := trained(self.model, call)) != 1 or root(items[0].module) is not
            items[0].module
            for call in self.optimizer.constructors
        )

    def _check_alone(self, step: ast.Call, backward: ast.Call, modules: list[ast.expr]) -> None:
        """That no other `backward()` adds to the gradients, and nothing resets them too late."""
        walk = self.model.walk
        resets = [
            call for call in (*self.optimizer.zero_grads, *self._model_resets(step, modules))
            if self._home(call) is self._home(step)
        ]
        if any(backward.lineno < call.lineno < step.lineno for call in resets):
            raise CannotPort("`zero_grad` between `backward()` and the step leaves nothing to step")
        before = [call.lineno for call in resets if call.lineno <= backward.lineno]
        after = [call.lineno for call in resets if call.lineno >= step.lineno]
        for call in walk.calls:
            if (
                call is backward or self._home(call) is not self._home(step)
                or not isinstance(call.func, ast.Attribute) or call.func.attr not in _BACKWARD
            ):
                continue
            row = call.lineno
            if before:
                adds = max(before) <= row <= step.lineno
            else:
                adds = not after or not step.lineno <= row or row <= min(after)
            if adds and self._reaches(call, modules):
                raise CannotPort(
                    f"`backward()` in line {row} adds to its gradients before it steps; reset "
                    "them behind it"
                )

    def _reaches(self, backward: ast.Call, modules: list[ast.expr]) -> bool:
        """Whether another loss of the function can depend on the modules."""
        assert isinstance(backward.func, ast.Attribute)
        try:
            other = region(self.model, backward, modules, (), set())
        except CannotPort as reason:
            return "traced back" not in str(reason)
        return bool(other.moved)

    def _check_frozen(self) -> None:
        for node in self.model.walk.attributes:
            is_set = node.attr == "requires_grad" and isinstance(node.ctx, ast.Store)
            is_called = node.attr == "requires_grad_" and isinstance(
                self.model.walk.parents[node], ast.Call
            )
            if (is_set or is_called) and self._is_parameter(node.value) and not (
                self._is_another(node.value)
            ):
                raise CannotPort(
                    f"`{node.attr}` in line {node.lineno} decides what is trained, and JAX has no "
                    "such switch; give `flax.nnx.Optimizer` a filter (`wrt`)"
                )

    def _is_parameter(self, node: ast.expr) -> bool:
        """Whether `node` is a module, or a parameter in a loop over a module's."""
        if self.model.role(node, "module"):
            return True
        if isinstance(node, ast.Attribute):
            return node.attr in ("weight", "bias") or self._is_parameter(node.value)
        bindings = self.model.lookup(node, node.id) if isinstance(node, ast.Name) else []
        return any(
            binding.kind == "item" and "parameters" in ast.unparse(binding.node)
            for binding in bindings
        )

    def _is_another(self, node: ast.expr) -> bool:
        """Whether `node` is, or is a parameter of, a module that this optimizer does not train."""
        bindings = self.model.lookup(node, node.id) if isinstance(node, ast.Name) else []
        if len(bindings) == 1 and bindings[0].kind == "item":
            iterable = bindings[0].node
            if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Attribute):
                node = iterable.func.value
        made = [item.module for call in self.optimizer.constructors
                for item in trained(self.model, call)]
        found = set(sources(self.model, node).values())
        for module in made:
            for item in sources(self.model, root(module)).values():
                for part in ast.walk(item) if isinstance(item, ast.Call) else ():
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and (
                        found & set(sources(self.model, part).values())
                    ):
                        return False  # it is a part of the trained one
        return bool(made) and all(
            isinstance(item, ast.Call) for item in found
        ) and not any(
            found & set(sources(self.model, root(module)).values()) for module in made
        )

    # Writing

    def _write(self, regions: dict[ast.Call, Region]) -> None:
        optimizer = self.optimizer
        functional = self._is_functional(regions)
        for step in optimizer.steps:
            backward = self._backward(step)
            assert backward is not None
            found = regions[backward]
            name, grads = self._names(found)
            optimizer.plans[backward] = self._loss_function(found, name, grads)
            if self.total:
                grads = self.total
                for call in optimizer.zero_grads:
                    if self.model.walk.statement(call) in found.statements:
                        raise CannotPort("gradients are reset while the loss is computed")
                    optimizer.plans[call] = Reset(self.total, found.trained[0])
            model, gradients = self._trained_here(found, grads)
            training = Training(functional, model, gradients)
            optimizer.plans[step] = training
            self._clip(step, backward, training, found, grads)
        for call in optimizer.constructors:
            items = trained(self.model, call)
            free = _free(["schedule"], self._taken(self._home(call)))
            rate = schedule(self.model, optimizer, free) or Schedule("")
            if rate.rate and any("lr" in item.own for item in items):
                raise CannotPort("its scheduler changes several learning rates")
            optimizer.plans[call] = Training(
                functional, _tuple([ast.unparse(item.module) for item in items]),
                transforms=tuple(self.transforms), schedule=rate.rate, above=rate.above,
                groups=_groups(items), unused=self._unused(call),
            )  # fmt: skip

    def _unused(self, call: ast.Call) -> Span | None:
        """The statement `params = list(a.parameters()) + ...`, which goes with the constructor."""
        given = next((item.value for item in call.keywords if item.arg == "params"), None)
        params = call.args[0] if call.args else given
        if not isinstance(params, ast.Name):
            return None
        bindings = self.model.before(params)
        clips = {node for clip in self.optimizer.clips for node in ast.walk(clip)}
        for node in self.model.walk.names:
            if node.id == params.id and node is not params and node not in clips and (
                set(bindings) & set(self.model.before(node))
            ):
                raise CannotPort(f"`{params.id}` is used in line {node.lineno}, too")
        return self.model.source.span(self.model.walk.statement(bindings[0].node))

    def _trained_here(self, found: Region, grads: str) -> tuple[str, str]:
        """What the optimizer trains as the code says it at the loss, and its gradients."""
        roots = self._modules(found.backward)
        if not self.optimizer.constructors:
            return found.trained[0], grads
        models, gradients = [], []
        for item in trained(self.model, self.optimizer.constructors[0]):
            top = root(item.module)
            index = [ast.unparse(module) for module in roots].index(ast.unparse(top))
            rest = ast.unparse(item.module)[len(ast.unparse(top)) :].lstrip(".")
            path = "".join(f'["{name}"]' for name in rest.split(".")) if rest else ""
            models.append(found.trained[index] + (f".{rest}" if rest else ""))
            gradients.append((f"{grads}[{index}]" if len(roots) > 1 else grads) + path)
        if len(models) == len(roots) > 1 and all(not text.endswith('"]') for text in gradients):
            return _tuple(models), grads
        return _tuple(models), _tuple(gradients)

    def _is_functional(self, regions: dict[ast.Call, Region]) -> bool:
        """Whether optimizer, loss and step stand in one scope, where the spec's names are free."""
        optimizer = self.optimizer
        if len(optimizer.constructors) != 1 or len(regions) != 1:
            return False
        made = optimizer.constructors[0]
        parent = self.model.walk.parents[made]
        if not (isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name)):
            return False
        home = self._home(made)
        if len(trained(self.model, made)) > 1:
            return False
        calls = [call for call in optimizer.calls if call is not made]
        if any(self._home(call) is not home for call in calls):
            return False
        neighbours = [
            other for other in self.everyone
            if other is not optimizer and any(self._home(call) is home for call in other.steps)
        ]
        taken = self._taken(home)
        return not neighbours and not taken & {"params", "opt_state", "updates"}

    def _taken(self, home: Scope | None) -> set[str]:
        node = home.node if home is not None else self.model.source.tree
        names = {getattr(inner, "id", getattr(inner, "name", "")) for inner in ast.walk(node)}
        names |= {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
        return names | set(dir(builtins))

    def _names(self, found: Region) -> tuple[str, str]:
        """What the loss function and the gradients are called, where nothing else is."""
        home = self._home(found.backward)
        taken = self._taken(home)
        loss = found.loss.id if isinstance(found.loss, ast.Name) else "loss"
        several = sum(
            1 for other in self.everyone for step in other.steps if self._home(step) is home
        ) > 1
        function = [f"{loss}_fn", "compute_loss"] if several else ["loss_fn", "compute_loss"]
        grads = [f"{loss}_grads"] if several else ["grads", "gradients"]
        return _free(function, taken), _free(grads, taken)

    def _loss_function(self, found: Region, name: str, grads: str) -> LossFunction:
        source = self.model.source
        statements = found.statements
        statement = self.model.walk.statement(found.backward)
        dropped = {self.model.walk.statement(call) for call in self.optimizer.zero_grads}
        roles: list[Role] = [
            "move" if item in found.moved else "hoist" if item in found.hoisted
            else "drop" if item in dropped else "keep"
            for item in statements
        ]
        used = effects(self.model, *found.moved)
        names: dict[str, str] = {}
        models = []
        for text, node in found.models.items():
            root = text.rsplit(".", 1)[-1]
            key = next((names[t] for t, n in found.models.items()
                        if t in names and same(self.model, n, node)), "")
            clash = text != root and root in used.reads | used.writes
            names[text] = key or (_free([f"{root}_"], set(used.reads)) if clash else root)
            models.append((text, names[text]))
        inside = statement in found.moved
        return LossFunction(
            Span(source.span(statements[0]).start, source.span(statements[-1]).end),
            tuple(roles), name, tuple(models), ast.unparse(found.loss), found.value, (grads,),
            None if inside else source.span(statement), tuple(found.arguments),
            tuple(found.auxiliary), found.earlier, len(set(found.trained)),
            _free([f"final_{found.value}"], self._taken(self._home(found.backward))), self.total,
        )  # fmt: skip

    # Clipping

    def _clip(
        self, step: ast.Call, backward: ast.Call, training: Training, found: Region, grads: str
    ) -> None:
        home = self._home(step)
        places = {id(block): place for block, place in self._chain(step)}
        starts = {id(block): place for block, place in self._chain(backward)}
        for call in self.model.walk.calls:
            name = self.model.qualified(call.func) or ""
            if self._home(call) is not home or not name.startswith("torch.nn.utils.clip_grad"):
                continue
            if name not in _CLIPS:
                raise CannotPort(f"`{name}` has no counterpart in Optax")
            between = [
                block for block, place in self._chain(call)
                if starts.get(id(block), -1) < place < places.get(id(block), -1)
            ]
            if not between:
                raise CannotPort(
                    f"gradients are clipped in line {call.lineno}, which is not between "
                    "`backward()` and the step"
                )
            always = block_of(self.model, self.model.walk.statement(call)) is block_of(
                self.model, self.model.walk.statement(step if self.total else backward)
            )
            self.optimizer.clips.append(call)
            self.optimizer.plans[call] = self._clip_plan(
                call, name, training, found, grads, always
            )

    def _clip_plan(
        self, call: ast.Call, name: str, training: Training, found: Region, grads: str,
        always: bool,
    ) -> Clip:
        keyword, transform = _CLIPS[name]
        given = dict(zip(("parameters", keyword, "norm_type"), call.args, strict=False))
        given.update({item.arg or "**": item.value for item in call.keywords})
        params = given.pop("parameters", None)
        limit = given.pop(keyword, None)
        row = call.lineno
        clipped = of_parameters(self.model, params) if params is not None else None
        texts = [ast.unparse(item.module) for item in clipped or []]
        if not texts or _tuple(texts) not in (training.model, _tuple(found.trained)):
            raise CannotPort(f"line {row} clips other gradients than those of `{training.model}`")
        if _tuple(texts) != training.model and training.grads != grads:
            raise CannotPort(f"line {row} clips gradients of more than `{training.model}`")
        if limit is None:
            raise CannotPort(f"what line {row} clips to can't be seen")
        for argument, value in given.items():
            text = ast.unparse(value)
            if (argument, text) not in _CLIP_NEUTRAL and argument != "foreach":
                raise CannotPort(f"`{argument}={text}` in line {row} has no counterpart in Optax")
        parent = self.model.walk.parents[call]
        target = ""
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            target = parent.targets[0].id
        elif not isinstance(parent, ast.Expr):
            raise CannotPort(f"the result of `{name}` is used in an expression in line {row}")
        if target and transform == "clip":
            raise CannotPort(f"the result of `{name}` is used")
        text = ast.unparse(limit)
        chained = always and self._holds_at_constructor(limit)
        if chained:
            self.transforms.append((f"optax.{transform}", text))
        return Clip(grads, transform, text, target, chained)

    def _holds_at_constructor(self, value: ast.expr) -> bool:
        """Whether `value` is the same where the optimizer is made."""
        if len(self.optimizer.constructors) != 1 or len(self.optimizer.steps) != 1:
            return False
        made = self.optimizer.constructors[0]
        return is_constant(self.model, value, made)


def _is_plain_sgd(call: ast.Call) -> bool:
    """Whether the optimizer keeps nothing of earlier steps, and decays nothing."""
    return ast.unparse(call.func).endswith("SGD") and len(call.args) < 3 and not any(
        keyword.arg in ("momentum", "weight_decay") for keyword in call.keywords
    )


def _choice(forward: ast.FunctionDef) -> ast.expr | None:
    """What in a `forward` decides at run time which layers are called, if anything does."""
    given = {argument.arg for argument in forward.args.args[1:]}
    for node in ast.walk(forward):
        match node:
            case ast.Call(func=ast.Subscript(value=ast.Attribute(), slice=index)) if any(
                isinstance(part, ast.Name) and part.id in given for part in ast.walk(index)
            ):
                return node.func
            case ast.If(test=test) | ast.While(test=test) | ast.For(iter=test):
                drawn = "rand" in ast.unparse(test)
                compared = not isinstance(node, ast.For) and any(
                    isinstance(part, ast.Compare)
                    and not isinstance(part.ops[0], (ast.Is, ast.IsNot))
                    and isinstance(part.left, ast.Name) and part.left.id in given
                    for part in ast.walk(test)
                )
                if (drawn or compared) and any(
                    isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)
                    and isinstance(part.func.value, ast.Name) and part.func.value.id == "self"
                    for inner in node.body for part in ast.walk(inner)
                ):
                    return test
    return None


def root(module: ast.expr) -> ast.expr:
    """`model` of `model.head`: what the loss is differentiated for."""
    while isinstance(module, ast.Attribute) and not (
        isinstance(module.value, ast.Name) and module.value.id == "self"
    ):
        module = module.value
    return module


def _tuple(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _groups(items: list[Trained]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The arguments of each group by its label; none where all groups have the same."""
    if not any(item.own for item in items) or len(items) == 1:
        own = items[0].own if items else {}
        return (("", tuple((name, ast.unparse(value)) for name, value in own.items())),) if (
            own) else ()
    labels = [ast.unparse(item.module).rsplit(".", 1)[-1] for item in items]
    if len(set(labels)) < len(labels):
        labels = [ast.unparse(item.module) for item in items]
    return tuple(
        (label, tuple((name, ast.unparse(value)) for name, value in item.own.items()))
        for label, item in zip(labels, items, strict=True)
    )


def _free(wanted: list[str], taken: set[str]) -> str:
    """The first of `wanted` that is not taken; else the last of them with a number."""
    for name in wanted:
        if name not in taken:
            return name
    number = 2
    while f"{wanted[-1]}_{number}" in taken:
        number += 1
    return f"{wanted[-1]}_{number}"
