"""The pictures of the documents: each is shown somewhere, each that is shown is there, small, made by the script."""

from __future__ import annotations

import re

from PIL import Image

from tests.e2e.running import ROOT
from tests.pictures import PICTURES, SIZE

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
SHOWN = re.compile(r"!\[([^\]]+)\]\(([^)]+\.png)\)")
MADE_BY = (ROOT / "tests" / "pictures.py", ROOT / "tests" / "rules_app" / "manager_way.py")
MADE = re.compile(r'way\.shown\("([\w-]+)"')
MOST_BYTES = 60_000
FILES = set(PICTURES.glob("*.png"))


def test_the_documents_show_every_picture_and_none_that_is_not_there() -> None:
    shown = {
        (document.parent / path).resolve()
        for document in DOCUMENTS
        for _, path in SHOWN.findall(document.read_text())
    }
    assert shown == FILES


def test_every_picture_is_made_by_the_script_and_is_small_and_of_one_size() -> None:
    made = {name for module in MADE_BY for name in MADE.findall(module.read_text())}
    assert made == {file.stem for file in FILES}
    for file in FILES:
        assert file.stat().st_size <= MOST_BYTES, file
        assert Image.open(file).size == (SIZE["width"], SIZE["height"]), file
