"""What flows from the rules to the fixes and the formats."""

from __future__ import annotations

from jaxport.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from jaxport.plans import Plan

    Applicability = Literal["safe", "unsafe"]

# How the comment over a `step()` that stays begins; the reason follows.
ESCAPE = "# jaxport: JXP202 not ported:"


@record(frozen=True, order=True)
class Position:
    """A place in a file: `row` from 1, `column` from 0, counted in characters.

    With a `cell`, which is a notebook's and counts from 1, the row is one of that cell.
    """

    row: int
    column: int
    cell: int = 0


@record(frozen=True, order=True)
class Span:
    """Text from `start` up to, not including, `end`."""

    start: Position
    end: Position

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


@record(frozen=True)
class Rewrite:
    """A rewrite that a rule asks for; `fix` carries it out with the hook called `hook`.

    `names` maps the modules the new code needs (`flax.nnx`, `optax`, `jax`) to how the file
    spells them, `bound` says which names have a value there. Findings that share a `group`
    are rewritten together or not at all; `group_size` is how many of them there are. `plan` is
    how the training step is written that it belongs to.
    """

    hook: str
    applicability: Applicability
    message: str
    callee: str = ""
    bound: frozenset[str] = frozenset()
    names: tuple[tuple[str, str], ...] = ()
    escape: str = ""
    group: str = ""
    group_size: int = 1
    plan: Plan | None = None


@record(frozen=True)
class Finding:
    """One reported place. `rewrite` is None where `check` has none.

    `by_port` says that `port` has one, as far as the file alone shows.
    """

    code: str
    message: str
    span: Span
    rewrite: Rewrite | None = field(default=None, compare=False)
    by_port: bool = field(default=False, compare=False)

    @property
    def is_fixable(self) -> bool:
        """Whether `--fix` makes the finding go away."""
        rewrite = self.rewrite
        return rewrite is not None and rewrite.applicability == "safe" and not rewrite.escape


@record(frozen=True)
class Edit:
    """`content` in the place of the text in `span`."""

    span: Span
    content: str
