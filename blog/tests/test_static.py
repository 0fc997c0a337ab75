"""The one sheet of the public pages, and the fonts it names."""

import re
from pathlib import Path

import blog

STATIC = Path(blog.__file__).parent / "static" / "blog"
SHEET = (STATIC / "blog.css").read_text(encoding="utf-8")


def test_sheet_is_small():
    assert len(SHEET.encode()) < 20 * 1024


def test_fonts_are_there_with_their_licences():
    fonts = re.findall(r'url\("fonts/([^"]+)"\)', SHEET)
    assert fonts and all((STATIC / "fonts" / font).is_file() for font in fonts)
    for family in ("Fraunces", "Inter"):
        licence = (STATIC / "fonts" / f"OFL-{family}.txt").read_text(encoding="utf-8")
        assert "SIL Open Font License, Version 1.1" in licence


def test_nothing_is_fetched_from_elsewhere():
    assert not re.search(r"url\(\"?(?:https?:)?//", SHEET)


def test_backgrounds_are_those_that_the_accent_is_fitted_to():
    from blog.colour import NIGHT, PAPER

    assert f"--paper: {PAPER};" in SHEET and f"--paper: {NIGHT};" in SHEET
