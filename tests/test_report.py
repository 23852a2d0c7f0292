"""`jaxport report`, through the command, and its page in a browser where there is one."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import NAMES, Page, browser, find

from jaxport.cli import main
from jaxport.report.treemap import Box, squarify

TORCH = '''"""A text
of two lines."""
import torch

# A comment.
def f(model):

    return model.register_buffer("n", torch.zeros(3)), torch.vmap(print)
'''
PORTABLE = "import torch\n\n\ndef f(x: torch.Tensor):\n    return torch.cat([x, x])\n"
JAX = "import jax\n\nx = jax.numpy.zeros(3)\n"
HOSTILE = (
    "<script>alert(1)<!-- <b>.py", "a\"b'c.py", "new\nline.py", "a|b`c`.py",
    "naïve_日本.py", "$name ${x} {y} %s.py", "&amp;.py", "-rf.py", "tab\tbell\x07.py", "\\n.py",
    "*bold*_[link](x).py", "‮right.py",
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A half-done migration: every state, two levels of folders."""
    texts = {
        "app/__init__.py": "from .train import f\n", "app/train.py": TORCH,
        "app/models/__init__.py": "",
        "app/models/a.py": PORTABLE, "app/models/b.py": f"from .a import f\n{PORTABLE}",
        "app/models/c.py": f"from ..train import f\n{PORTABLE}",
        "app/models/d.py": f"from .. import f\n{PORTABLE}", "app/models/done.py": JAX,
        "app/data/plain.py": "import os\n\nprint(os.name)\n",
        "app/data/left.py": f"# jaxport: skip-file\n{TORCH}", "app/data/broken.py": "def\n",
    }  # fmt: skip
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.jaxport]\nselect = ["JXP1"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["report", *arguments]) == 0
    return capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(_run(capsys, "--format", "json", *arguments))


def _cells(line: str) -> list[str]:
    return line.split()


def test_numbers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "app")
    files = {item["path"]: item for item in data["files"]}
    states = {path.removeprefix("app/"): item["state"] for path, item in files.items()}
    assert states == {
        "__init__.py": "neither", "models/__init__.py": "neither", "data/plain.py": "neither",
        "train.py": "to do", "models/a.py": "to do", "models/b.py": "to do",
        "models/c.py": "to do", "models/d.py": "to do", "data/broken.py": "to do",
        "models/done.py": "done",
        "data/left.py": "skipped",
    }  # fmt: skip
    train = files["app/train.py"]
    assert train["lines"] == 3  # neither the docstring nor the comment nor the empty lines
    assert train["codes"]["JXP004"]["hand"] >= 1
    assert train["families"]["JXP1"] == train["codes"]["JXP101"]
    assert data["ready"] == ["app/models/a.py", "app/models/b.py"]  # c and d import what is blocked
    assert data["total"]["files"] == {"to do": 6, "neither": 3, "done": 1, "skipped": 1}
    todo, done = (data["total"]["lines_by_state"][state] for state in ("to do", "done"))
    assert data["total"]["done"] == round(done / (todo + done), 4)
    for node in [*data["files"], *data["folders"]]:
        counts = node["findings"]
        assert counts["total"] == counts["fix"] + counts["port"] + counts["hand"]
        for part in ("families", "codes"):
            assert sum(item["total"] for item in node[part].values()) == counts["total"]
    assert sum(item["lines"] for item in data["files"]) == data["total"]["lines"]
    starts = {item["path"]: item for item in data["start"]}
    assert starts["app/models"]["needs"] == 1  # train.py, which c and d import
    assert [item["path"] for item in data["start"]][-1] == "app/data"


def test_findings_are_those_of_check(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "app", "--select", "ALL", "--output-format", "json"])
    found = json.loads(capsys.readouterr().out)
    data = _json(capsys, "app")
    for item in data["files"]:
        path = str(Path(item["path"]).absolute())
        codes = sorted(finding["code"] for finding in found if finding["filename"] == path)
        assert codes == sorted(
            itertools.chain(*([code] * count["total"] for code, count in item["codes"].items()))
        )
        safe = [finding for finding in found if finding["filename"] == path and finding["fix"]
                and finding["fix"]["applicability"] == "safe"]
        assert item["findings"]["fix"] == len(safe)


def test_ready_files_are_those_that_port_finishes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = _json(capsys, "app")["ready"]
    assert main(["port", *ready]) == 0
    capsys.readouterr()
    data = _json(capsys, "app")
    states = {item["path"]: item["state"] for item in data["files"]}
    assert [states[path] for path in ready] == ["done", "done"]
    assert data["total"]["files"]["done"] == 3


def test_rules_can_be_chosen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "app", "--select", "JXP1", "--extend-select", "JXP004")
    assert data["rules"] == "The rules JXP1, JXP004"
    assert set(data["total"]["codes"]) == {"JXP101", "JXP004"}
    data = _json(capsys, "app", "--ignore", "JXP9,JXP4")
    assert data["rules"] == "All rules without JXP9, JXP4"
    assert not {"JXP9", "JXP4"} & set(data["total"]["families"])
    (project / "pyproject.toml").write_text('[tool.jaxport]\nselect = ["JXP1"]\nignore=["JXP9"]\n')
    data = _json(capsys, "app", "--config", "pyproject.toml")
    assert "JXP9" not in data["total"]["families"] and "JXP004" in data["total"]["codes"]


def test_text(project: Path, capsys: pytest.CaptureFixture[str],
              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = _run(capsys, "app")
    head, *rows = text.split("\n\n")[0].splitlines()
    assert _cells(head)[:6] == ["file", "done", "lines", "findings", "--fix", "port"]
    assert "JXP0" in head
    assert _cells(rows[0])[0] == "app/" and "%" in rows[0]
    labels = [row.split()[0] for row in rows]
    assert "models/" in labels and "done.py" in labels and len(rows) == 14
    assert "`jaxport port` may finish 2 files right now." in text
    monkeypatch.setenv("COLUMNS", "80")
    narrow = _run(capsys, "app").split("\n\n")[0].splitlines()
    assert "JXP0" not in narrow[0] and max(map(len, narrow)) <= 80


def test_nothing_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "markdown", "html", "json"):
        assert _run(capsys, str(tmp_path), "--format", form)
    (tmp_path / "a.py").write_text("")
    assert "1 without torch" in _run(capsys, str(tmp_path))


def test_port_finishes_no_notebook(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell: dict[str, object] = {
        "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
        "source": PORTABLE,
    }  # fmt: skip
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "app" / "book.ipynb").write_text(json.dumps(book))
    data = _json(capsys, "app")
    (found,) = [item for item in data["files"] if item["path"] == "app/book.ipynb"]
    (plain,) = [item for item in data["files"] if item["path"] == "app/models/a.py"]
    assert found["state"] == "to do" and found["lines"] == plain["lines"]
    assert found["findings"]["hand"] == plain["findings"]["port"] > 0
    assert "app/book.ipynb" not in data["ready"]


def test_output(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _run(capsys, "app", "--format", "html", "--output", "-")
    assert _run(capsys, "app", "--format", "html", "--output", "report.html") == ""
    assert Path("report.html").read_text() == shown
    assert main(["report", "app", "--output", "missing/report.html"]) == 2
    assert "missing/report.html: can't write the file" in capsys.readouterr().err
    assert main(["report", "app", "--output", "app"]) == 2
    assert main(["report", "app", "--output", os.devnull]) == 0
    assert not Path(os.devnull).is_file()


def test_errors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "missing"]) == 2
    assert "missing: no such file or folder" in capsys.readouterr().err
    assert main(["report", "app", "--select", "JXP77"]) == 2
    assert capsys.readouterr().err == "jaxport: --select: no rule is called `JXP77`\n"
    (project / "pyproject.toml").write_text("[tool.jaxport]\nselct = []\n")
    assert main(["report", "app"]) == 2
    assert "tool.jaxport.selct: no such setting" in capsys.readouterr().err


def test_processes_agree(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(20):
        (project / "app" / f"more_{number}.py").write_text(PORTABLE)
    assert _json(capsys, "app", "-j", "1") == _json(capsys, "app", "-j", "2")


def test_it_loads_no_libcst(project: Path) -> None:
    program = (
        "import sys; from jaxport.cli import main; main(['report', '--format', 'html']); "
        "print({'libcst', 'flake8', 'torch', 'jax'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == "set()\n"


@pytest.fixture
def hostile(project: Path) -> list[str]:
    """File names that mean something in HTML, Markdown, JSON or a terminal."""
    for name in HOSTILE:
        (project / "app" / name).write_text(TORCH)
    raw = os.fsencode(project / "app") + b"/raw\xff.py"
    with open(raw, "w") as stream:
        stream.write(TORCH)
    return [*HOSTILE, os.fsdecode(b"raw\xff.py")]


class _Names(HTMLParser):
    """The elements of a page, and the text of the cells with names."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        assert not any(key.startswith("on") for key, _ in attrs), attrs

    def handle_data(self, data: str) -> None:
        self.texts.add(data)


def test_hostile_names(hostile: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    paths = {item["path"] for item in _json(capsys, "app")["files"]}
    assert {f"app/{name}" for name in hostile} <= paths

    text = _run(capsys, "app")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\ud800-\udfff]", text)
    assert r"new\nline.py" in text and r"raw\udcff.py" in text

    page = _run(capsys, "app", "--format", "html")
    assert page.isascii()
    names = _Names()
    names.feed(page)
    assert names.elements.count("script") == 1
    assert {HOSTILE[0], HOSTILE[1], r"new\nline.py", r"raw\udcff.py", HOSTILE[5]} <= names.texts

    markdown = _run(capsys, "app", "--format", "markdown")
    assert not re.search(r"[<>]", markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("| app/")]
    assert len(rows) >= len(hostile)
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert any(r"new&#92;nline.py" in row for row in rows)
    assert any("a&#124;b&#96;c&#96;.py" in row for row in rows)


def test_page_asks_for_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = _run(capsys, "app", "--format", "html")
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//[a-z]|\bsrc=|<link|@import|url\((?!#)", page)


@pytest.mark.parametrize("weights", [
    [1.0], [5, 3, 1], [1000, 1, 1, 1], [7] * 50, [400 / n for n in range(1, 200)],
])  # fmt: skip
def test_treemap_fills_its_box(weights: list[float]) -> None:
    box = Box(3, 5, 1123, 605)
    parts = squarify(weights, box)
    area = box.width * box.height
    for weight, part in zip(weights, parts, strict=True):
        assert part.width * part.height == pytest.approx(area * weight / sum(weights))
        assert part.left >= 3 and part.top >= 5
        assert part.right <= 1123 + 1e-6 and part.bottom <= 605 + 1e-6
    for one, other in itertools.combinations(parts, 2):
        wide = min(one.right, other.right) - max(one.left, other.left)
        high = min(one.bottom, other.bottom) - max(one.top, other.top)
        assert wide < 1e-6 or high < 1e-6


# In a browser

SCREENS = [(360, 780), (390, 844), (820, 1180), (1440, 900)]
# Text against what is drawn behind it, as WCAG counts it.
CONTRAST = """
(() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (color) => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => rgb(color).slice(0, 3)
    .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const fill = (rect) => {
    const color = (item) => getComputedStyle(item).fill;
    return color(rect).startsWith('url') ? color(document.querySelector('.ground')) : color(rect);
  };
  const behind = (element) => {
    if (element.tagName === 'text') return fill(element.parentNode.querySelector('rect'));
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color)[3] === 255) return color;
    }
    return 'white';
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (['SCRIPT', 'title'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const front = element.tagName === 'text' ? style.fill : style.color;
    const [a, b] = [light(front), light(behind(element))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), element.textContent.slice(0, 40)]);
  }
  return found;
})()
"""
# The cells of the picture that is shown, files only: what a folder has around them is its frame.
BOXES = """
[...document.querySelectorAll('.view')].filter((view) => view.checkVisibility()).map((view) =>
  [...view.querySelectorAll('.map')].filter((map) => map.checkVisibility()).map((map) => ({
    size: map.viewBox.baseVal.width * map.viewBox.baseVal.height,
    rects: [...map.querySelectorAll('rect')].map((rect) => [
      rect.x.baseVal.value, rect.y.baseVal.value, rect.width.baseVal.value,
      rect.height.baseVal.value, rect.classList.contains('frame')]),
  })))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    with browser(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def written(hostile: list[str], project: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The page about the project, with some long files in it."""
    for number in range(40):
        path = project / "app" / "layers" / f"some_long_name_of_a_layer_{number}.py"
        path.parent.mkdir(exist_ok=True)
        extra = "y = torch.vmap(print)\n" * (number % 7)
        path.write_text(PORTABLE * (1 + number) + extra if number % 3 else JAX * number)
    _run(capsys, "app", "--format", "html", "--output", "report.html")
    return project / "report.html"


def _no_complaints(page: Page, path: Path) -> None:
    bad = [event for event in page.events
           if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown",
                                  "Runtime.consoleAPICalled")]
    assert not bad
    asked = [event["params"]["request"]["url"] for event in page.events
             if event["method"] == "Network.requestWillBeSent"]
    assert asked == [path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(page: Page, written: Path, scheme: str) -> None:
    grounds = set()
    for width, height in SCREENS:
        page.open(written, width, height, scheme)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.run("innerWidth") == width
        contrasts = page.run(CONTRAST)
        assert len(contrasts) > 100
        assert min(contrasts)[0] >= 4.5, min(contrasts)
        colors = _colors(page.screenshot(scale=0.25))
        assert len(colors) > 50
        grounds.add(max(colors, key=lambda color: colors[color]))
        _no_complaints(page, written)
    assert len(grounds) == 1  # the page, not a picture or a table, is what most of the screen is
    assert (sum(grounds.pop()) > 3 * 128) is (scheme == "light")


def test_pictures_fill_their_area(page: Page, written: Path) -> None:
    for width, height in SCREENS[1], SCREENS[3]:
        page.open(written, width, height, "light")
        ((picture,),) = page.run(BOXES)
        rects = picture["rects"]
        frames = [rect for rect in rects if rect[4]]
        assert frames and len(rects) > 50
        assert not _overlaps([rect for rect in rects if not rect[4]])
        # Folders and files of the first level: those that are in no other one.
        outer = [rect for rect in rects if not any(_inside(rect, frame) for frame in frames)]
        assert not _overlaps(outer)
        area = sum(rect[2] * rect[3] for rect in outer)
        assert area == pytest.approx(picture["size"], rel=0.005)


def _inside(one: list[float], other: list[float]) -> bool:
    return one is not other and (
        other[0] <= one[0] and one[0] + one[2] <= other[0] + other[2] + 0.11
        and other[1] <= one[1] and one[1] + one[3] <= other[1] + other[3] + 0.11
    )


def _overlaps(rects: list[list[float]]) -> list[Any]:
    return [
        (one, other) for one, other in itertools.combinations(rects, 2)
        if min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0]) > 0.11
        and min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1]) > 0.11
    ]  # fmt: skip


def test_folders_open_and_tables_sort(page: Page, written: Path) -> None:
    page.open(written, 1440, 900, "light")
    shown = "[...document.querySelectorAll('.view')].filter((v) => v.checkVisibility())"
    assert page.run(f"{shown}.map((v) => v.getAttribute('aria-label'))") == ["app"]
    # By keyboard alone: to the first folder of the picture, and into it.
    for _ in range(20):
        page.press("Tab")
        if page.run("document.activeElement.matches('.map a')"):
            break
    assert page.run("document.activeElement.matches('.map a')")
    title = page.run("document.activeElement.querySelector('title').textContent")
    assert page.run(f"{shown}[0].querySelector('.readout').textContent") == title
    page.press("Enter")
    page.run("new Promise((done) => setTimeout(done, 100))")
    (label,) = page.run(f"{shown}.map((v) => v.getAttribute('aria-label'))")
    assert title.startswith(f"app/{label}:")

    column = (
        f"[...{shown}[0].querySelectorAll('tbody tr')].map((row) => row.cells[2].textContent)"
        ".map((text) => Number(text.replaceAll(',', '')))"
    )
    press = f"{shown}[0].querySelectorAll('th')[2].querySelector('button').click()"
    page.run(press)
    numbers = page.run(column)
    assert len(set(numbers)) > 2 and numbers == sorted(numbers, reverse=True)
    page.run(press)
    assert page.run(column) == sorted(numbers)
    _no_complaints(page, written)


def _colors(png: bytes) -> dict[tuple[int, ...], int]:
    """How often each color occurs in a PNG of 8 bits a channel."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    size = {2: 3, 6: 4}[png[25]]
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw, stride = zlib.decompress(data), width * size
    above = bytearray(stride)
    found: dict[tuple[int, ...], int] = {}
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, above, size)
        for column in range(0, stride, size):
            color = tuple(line[column : column + 3])
            found[color] = found.get(color, 0) + 1
        above = line
    return found


def _unfilter(kind: int, line: bytearray, above: bytearray, size: int) -> None:
    for index in range(len(line)):
        left = line[index - size] if index >= size else 0
        corner = above[index - size] if index >= size else 0
        up = above[index]
        if kind == 4:
            guess = left + up - corner
            near = min((left, up, corner), key=lambda value: abs(guess - value))
        else:
            near = (0, left, up, (left + up) // 2)[kind]
        line[index] = (line[index] + near) & 255
