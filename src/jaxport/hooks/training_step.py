"""The training step: `backward()` becomes a loss function and `value_and_grad`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst

from jaxport.hooks.context import HookContext, code
from jaxport.plans import Clip, LossFunction, Training

Statement = libcst.SimpleStatementLine | libcst.BaseCompoundStatement


def convert_backward(
    statements: Sequence[libcst.BaseStatement | libcst.BaseSmallStatement], ctx: HookContext
) -> list[Statement]:
    """The statements from the model to the loss become a loss function and its call.

    `ctx.plan` says for each whether it moves into the function, stays behind the call, or goes.
    """
    plan = ctx.plan
    assert isinstance(plan, LossFunction)
    moved: list[Statement] = []
    kept: list[Statement] = []
    hoisted: list[Statement] = []
    comments: list[libcst.EmptyLine] = []
    for statement, role in zip(statements, plan.roles, strict=True):
        assert isinstance(statement, Statement)
        if role == "drop":
            comments += [line for line in statement.leading_lines if line.comment is not None]
            continue
        statement = statement.with_changes(leading_lines=[*comments, *statement.leading_lines])
        comments = []
        {"move": moved, "hoist": hoisted, "keep": kept}[role].append(statement)
    body = _with_return(moved, plan)
    parameters = dict.fromkeys([*(name for _, name in plan.models), *plan.arguments])
    function = libcst.FunctionDef(
        libcst.Name(plan.name),
        libcst.Parameters([libcst.Param(libcst.Name(name)) for name in parameters]),
        libcst.IndentedBlock(_renamed(body, dict(plan.models)), indent=ctx.indent),
        leading_lines=_split(body),
    )
    call = _parsed(_call(plan, ctx)).with_changes(leading_lines=[libcst.EmptyLine(indent=False)])
    last = [_parsed(f"{plan.value} = {plan.final}")] if plan.earlier and plan.value else []
    if plan.total and plan.backward is None:
        last = [_parsed(added(plan, ctx)), *last]
    return [*hoisted, function, call, *kept, *last]


def added(plan: LossFunction, ctx: HookContext) -> str:
    """The statement in the place of `backward()` where gradients are added up."""
    add = f"{ctx.text('jax.tree.map')}({ctx.text('jax.numpy.add')}, {plan.total}, {plan.grads[0]})"
    return f"{plan.total} = {add}"


def _split(body: list[Statement]) -> Sequence[libcst.EmptyLine]:
    """The lines above the first statement, which stay above the function."""
    lines = body[0].leading_lines
    body[0] = body[0].with_changes(leading_lines=[])
    return lines


def _with_return(moved: list[Statement], plan: LossFunction) -> list[Statement]:
    """The body of the function: the last value of the loss is returned, not named."""
    *body, last = moved
    value = plan.loss
    lines: Sequence[libcst.EmptyLine] = last.leading_lines
    comment = libcst.TrailingWhitespace()
    match last:
        case libcst.SimpleStatementLine(
            body=[libcst.Assign(targets=[libcst.AssignTarget(target=target)], value=result)],
            trailing_whitespace=comment,
        ) if code(target) == plan.loss:
            value = code(result)
        case libcst.SimpleStatementLine(
            body=[libcst.AugAssign(target=target, value=result, operator=operator)],
            trailing_whitespace=comment,
        ) if code(target) == plan.loss and plan.earlier:
            sign = code(operator).strip().removesuffix("=")
            value = f"{plan.loss} {sign} {_closed(result)}"
        case libcst.SimpleStatementLine(
            body=[libcst.Expr(libcst.Call(func=libcst.Attribute(value=result)))],
            trailing_whitespace=comment,
        ) if plan.backward is None and not plan.loss.isidentifier():
            value = code(result)
        case _:
            body, lines = moved, []
    returned = ", ".join([value, *([_tuple(plan.auxiliary)] if plan.auxiliary else [])])
    final = _parsed(f"return {returned}")
    return [*body, final.with_changes(leading_lines=lines, trailing_whitespace=comment)]


def _closed(node: libcst.BaseExpression) -> str:
    text = code(node)
    atoms = (libcst.Name, libcst.Attribute, libcst.Call, libcst.BaseNumber, libcst.Subscript)
    return text if isinstance(node, atoms) or node.lpar else f"({text})"


def _tuple(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _call(plan: LossFunction, ctx: HookContext) -> str:
    value = plan.final if plan.earlier else plan.value
    needs_value = bool(plan.value)
    grads = _tuple(plan.grads)
    auxiliary = _tuple(plan.auxiliary) if plan.auxiliary else ""
    options = [plan.name]
    if plan.trained > 1:
        options.append(f"argnums=({', '.join(str(index) for index in range(plan.trained))})")
    if auxiliary:
        options.append("has_aux=True")
    if needs_value:
        function = ctx.text("flax.nnx.value_and_grad")
        targets = f"({value}, {auxiliary}), {grads}" if auxiliary else f"{value}, {grads}"
    else:
        function = ctx.text("flax.nnx.grad")
        targets = f"{grads}, {auxiliary}" if auxiliary else grads
    given: dict[str, str] = {}
    for text, name in plan.models:
        given.setdefault(name, text)
    arguments = ", ".join([*given.values(), *plan.arguments])
    return f"{targets} = {function}({', '.join(options)})({arguments})"


def _parsed(text: str) -> libcst.SimpleStatementLine:
    statement = libcst.parse_statement(text)
    assert isinstance(statement, libcst.SimpleStatementLine)
    return statement


class _Renamer(libcst.CSTTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names

    def visit_Attribute(self, node: libcst.Attribute) -> bool:
        return code(node) not in self.names

    def leave_Attribute(
        self, original_node: libcst.Attribute, updated_node: libcst.Attribute
    ) -> libcst.BaseExpression:
        name = self.names.get(code(original_node))
        if name is not None:
            return libcst.Name(name, original_node.lpar, original_node.rpar)
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Name(
        self, original_node: libcst.Name, updated_node: libcst.Name
    ) -> libcst.BaseExpression:
        return updated_node.with_changes(value=self.names.get(updated_node.value,
                                                              updated_node.value))

    def leave_Arg(self, original_node: libcst.Arg, updated_node: libcst.Arg) -> libcst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)


def _renamed(body: list[Statement], names: dict[str, str]) -> list[Statement]:
    """The statements with the modules called as the function calls them."""
    renamer = _Renamer({text: name for text, name in names.items() if text != name})
    if not renamer.names:
        return body
    changed = [statement.visit(renamer) for statement in body]
    return [item for item in changed if isinstance(item, Statement)]


def convert_clip(node: libcst.Call, ctx: HookContext) -> list[libcst.SimpleStatementLine]:
    """`clip_grad_norm_(model.parameters(), 1.0)` becomes a part of the optimizer, or of its step.

    What reads the norm that torch gives back gets `optax.tree.norm`.
    """
    plan = ctx.plan
    assert isinstance(plan, Clip)
    lines = []
    if plan.target:
        lines.append(f"{plan.target} = {ctx.text('optax.tree.norm')}({plan.grads})")
    if not plan.chained:
        transform = f"{ctx.text(f'optax.{plan.transform}')}({plan.limit})"
        lines.append(f"{plan.grads} = {transform}.update({plan.grads}, None)[0]")
    return [_parsed(line) for line in lines]


def strip_scheduler(node: libcst.Call, ctx: HookContext) -> libcst.CSTNode:
    """The scheduler goes, constructor and `step()`: the optimizer has its schedule."""
    return libcst.Pass()


def opt_state(target: str, plan: Training, ctx: HookContext) -> str:
    """The statement behind the constructor that makes the optimizer's state."""
    state = f"{ctx.text('flax.nnx.state')}({plan.model}, {ctx.text('flax.nnx.Param')})"
    return f"opt_state = {target}.init({state})"


