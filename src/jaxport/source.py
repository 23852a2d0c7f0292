"""A file's bytes as text that can be edited without loss, and as an `ast`."""

from __future__ import annotations

import ast
import codecs
import io
import re
import stat
import warnings
from functools import cached_property
from pathlib import Path

from jaxport.findings import Finding, Position, Span
from jaxport.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tokenize

# What `str.splitlines` takes for line ends and Python does not: each would shift every position
# that `ast` reports.
_NO_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# flake8's own grammar: one space, and what follows the colon counts only if it is a code.
_NOQA = r"(?i)# noqa(?::\s?(?P<codes>(?:[A-Z]+[0-9]+[,\s]*)+))?"
_NOQA_FILE = r"(?i)\s*# flake8[:=]\s*noqa"
_WITH_DOCSTRING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SKIP_FILE = r"(?i)\s*#\s*jaxport:\s*skip-file\b"


class SourceError(Exception):
    """The file can't be checked; `finding` says so at the right place."""

    def __init__(self, code: str, message: str, row: int = 1, column: int = 0) -> None:
        super().__init__(message)
        at = Position(max(row, 1), max(column, 0))
        self.finding = Finding(code, message, Span(at, at))


def split_lines(text: str) -> list[str]:
    """The lines of `text` as Python counts them, each with its own line end."""
    if not any(map(text.__contains__, _NO_LINE_ENDS)):
        return text.splitlines(keepends=True)
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


@record(frozen=True)
class SourceFile:
    """A decoded and parsed file. `text` has the newlines that the file has.

    `problems` tell of parts that `tree` leaves out, `mentions` is text of the file outside of
    `tree` that may use its names: a notebook can have both.
    """

    path: Path
    text: str
    lines: list[str]
    tree: ast.Module
    encoding: str
    bom: bytes = b""
    problems: tuple[Finding, ...] = ()
    mentions: str = ""

    def encode(self, text: str) -> bytes:
        """`text` as bytes in the encoding that the file was read in."""
        return self.bom + text.encode(self.encoding)

    def with_text(self, text: str) -> SourceFile:
        """The same file with another text. Raises SourceError where that does not parse."""
        return replace(self, text=text, lines=split_lines(text), tree=parse_tree(text))

    def sections(self, text: str) -> list[tuple[str, str]]:
        """`text` in the parts that are shown on their own, and what names each in the file."""
        return [("", text)]

    def place(self, span: Span) -> Span:
        """Where a person looks for the span."""
        return span

    def in_file(self, span: Span) -> Span:
        """Where the span is among the lines of the file itself."""
        return span

    def excerpt(self, span: Span) -> list[str]:
        """The lines that the span stands in."""
        return self.lines[span.start.row - 1 : span.end.row]

    def adapted(self, finding: Finding) -> Finding:
        """The finding as it is right for this kind of file."""
        return finding

    def is_divided(self, first: int, last: int) -> bool:
        """Whether the rows hold something that no rewrite may move or go over."""
        return False

    def newline(self, row: int = 1) -> str:
        """How the line in `row` ends; as the first one where it has no end."""
        for line in (self.lines[row - 1 : row], self.lines[:1]):
            ending = line[0][len(line[0].rstrip("\r\n")) :] if line else ""
            if ending:
                return ending
        return "\n"

    def span(self, node: ast.AST) -> Span:
        """Where `node` stands. `ast` counts columns in UTF-8 bytes, we count characters."""
        return Span(
            self._position(getattr(node, "lineno", 1), getattr(node, "col_offset", 0)),
            self._position(getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0)),
        )

    def _position(self, row: int, offset: int) -> Position:
        line = self.lines[row - 1] if row <= len(self.lines) else ""
        if not line.isascii():
            offset = len(line.encode()[:offset].decode(errors="ignore"))
        return Position(row, offset)

    def skipped(self, noqa: bool) -> bool:
        """Whether a comment asks to leave the whole file alone; with `noqa`, flake8's too."""
        words = self.text.casefold()
        patterns = [_SKIP_FILE] if "skip-file" in words else []
        if noqa and "flake8" in words:
            patterns.append(_NOQA_FILE)
        return any(re.match(pattern, line) for pattern in patterns for line in self.lines)

    def suppressed(self, code: str, row: int) -> bool:
        """Whether a `# noqa` comment covers the rule `code` in a row, as in flake8."""
        match = self.noqa(row)
        if match is None:
            return False
        codes = match["codes"]
        return codes is None or code.startswith(
            tuple(code for code in re.split(r"[,\s]+", codes) if code)
        )

    def noqa(self, row: int) -> re.Match[str] | None:
        """What flake8 takes for the `# noqa` of a row: the first in the text of `noqa_rows`."""
        if not self._has_noqa:
            return None
        return re.search(_NOQA, "".join(self.lines[at - 1] for at in self.noqa_rows(row)))

    def noqa_rows(self, row: int) -> range:
        """The rows that share a `# noqa` with `row`: those between two line ends of the code.

        Strings and backslashes join rows, brackets do not. Empty where the file can't be
        split into tokens.
        """
        return self._noqa_rows.get(row, range(0))

    @cached_property
    def words(self) -> str:
        """The text with its identifiers as Python reads them: `ﬁt` is `fit`."""
        return _normalized(self.text)

    @cached_property
    def code(self) -> str:
        """`words` without what is inside of docstrings: their lines but the first and last."""
        rows: list[int] = []
        nodes: list[ast.AST] = [self.tree]
        for node in nodes:  # grows
            body: list[ast.stmt] = getattr(node, "body", [])
            nodes += [item for item in body if isinstance(item, _WITH_DOCSTRING)]
            match body:
                case [ast.Expr(value=ast.Constant(value=str())) as text, *_]:
                    rows += [text.lineno, (text.end_lineno or text.lineno) - 1]
        if not rows:
            return self.words
        starts, ends = sorted([0, *rows[1::2]]), sorted([*rows[::2], len(self.lines)])
        kept = zip(starts, ends, strict=True)
        return _normalized("".join(line for start, end in kept for line in self.lines[start:end]))

    @cached_property
    def _has_noqa(self) -> bool:
        return "noqa" in self.text.lower()

    @cached_property
    def _noqa_rows(self) -> dict[int, range]:
        import tokenize

        found: dict[int, range] = {}
        first, last = len(self.lines) + 2, -1
        for token in self.tokens:
            if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
                continue
            first, last = min(first, token.start[0]), max(last, token.end[0])
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                rows = range(first, min(last, len(self.lines)) + 1)
                found.update(dict.fromkeys(range(first, last + 1), rows))
                first, last = len(self.lines) + 2, -1
        return found

    def grouped(self, node: ast.AST) -> Span:
        """The node's text with the parentheses around it, other than those of a call."""
        span = self.span(node)
        starts, ends = self._edges
        first, last = starts.get(span.start), ends.get(span.end)
        if first is None or last is None:
            return span
        code = self._code
        while first > 0 and last + 1 < len(code) and self._groups(first - 1):
            if code[last + 1].string != ")":
                break
            first, last = first - 1, last + 1
        return Span(Position(*code[first].start), Position(*code[last].end))

    def _groups(self, index: int) -> bool:
        """Whether the token is a parenthesis that opens no call."""
        if self._code[index].string != "(":
            return False
        import keyword
        import tokenize

        before = self._code[index - 1] if index else None
        return before is None or not (
            before.string in (")", "]", "}") or before.type in (tokenize.STRING, tokenize.NUMBER)
            or (before.type == tokenize.NAME and not keyword.iskeyword(before.string))
        )

    @cached_property
    def _code(self) -> list[tokenize.TokenInfo]:
        """The tokens that are code."""
        import tokenize

        return [token for token in self.tokens
                if token.type not in (tokenize.COMMENT, tokenize.NL)]

    @cached_property
    def _edges(self) -> tuple[dict[Position, int], dict[Position, int]]:
        """Which token of the code starts, and which ends, where."""
        return (
            {Position(*token.start): index for index, token in enumerate(self._code)},
            {Position(*token.end): index for index, token in enumerate(self._code)},
        )

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """The file's tokens; none where it can't be split into them."""
        import tokenize

        text = "".join(line.rstrip("\r\n") + "\n" for line in self.lines)
        try:
            return list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError):
            return []


def read(path: Path) -> SourceFile:
    """The file at `path`, decoded and parsed.

    Raises:
        SourceError: it can't be read, decoded or parsed.
    """
    return parse(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """What is in the file at `path`. Raises SourceError where it can't be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("JXP002", "can't read the file: it is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise SourceError("JXP002", f"can't read the file: {error.strerror}") from None


def parse(path: Path, data: bytes) -> SourceFile:
    """`data` decoded as PEP 263 says, and parsed. Raises SourceError where it can't be."""
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding = _encoding(data)
        text = data[len(bom) :].decode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        row = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        raise SourceError("JXP003", f"can't decode the file: {reason}", row) from None
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        raise SourceError("JXP001", "source code can't contain null bytes", row)
    return SourceFile(path, text, split_lines(text), parse_tree(text), encoding, bom)


def _normalized(text: str) -> str:
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFKC", text)


def _encoding(data: bytes) -> str:
    head = data[: data.find(b"\n", data.find(b"\n") + 1) + 1 or len(data)]
    if head.isascii() and b"coding" not in head:
        return "utf-8"
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def parse_tree(text: str) -> ast.Module:
    """`ast.parse` that answers everything it can't parse with one SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        column = (error.offset or 1) - 1
        message = f"syntax error: {error.msg}"
        raise SourceError("JXP001", message, error.lineno or 1, column) from None
    except (RecursionError, MemoryError):
        raise SourceError("JXP001", "nested too deeply to be parsed") from None
    except ValueError as error:
        raise SourceError("JXP001", f"can't parse the file: {error}") from None
