"""Reading and rendering Markdown."""

import pytest

from blog.markdown import LocalPicture, plain_text, render, render_parts, split_sections


def headings(text, level=None):
    return [section.heading for section in split_sections(text, level).sections]


def test_sections_start_at_the_highest_repeated_level():
    assert headings("# One\n\n## A\n\n### a\n\n### b\n\n## B\n") == ["A", "B"]


def test_text_without_a_repeated_level_has_no_sections():
    split = split_sections("# One\n\n## Two\n\nText.")
    assert (split.sections, split.level) == ((), 0)


def test_level_can_be_given():
    assert headings("## A\n\n### a\n\n## B\n", level=3) == ["a"]


def test_level_0_asks_for_no_sections():
    assert headings("## A\n\n## B\n", level=0) == []


@pytest.mark.parametrize(
    "hidden",
    ["```\n## Code\n```", "~~~\n## Code\n~~~", "    ## Code", "> ## Quote", "- ## Item",
     "<div>\n## Raw\n</div>"],
)  # fmt: skip
def test_headings_inside_other_blocks_start_no_section(hidden):
    assert headings(f"## A\n\n{hidden}\n\n## B\n") == ["A", "B"]


def test_setext_headings_count():
    assert headings("A\n---\n\ntext\n\nB\nand more\n---\n") == ["A", "B and more"]


def test_intro_and_bodies_leave_the_headings_out():
    split = split_sections("Hello.\n\n## A\n\nText a.\n\n## B\nText b.\n")
    assert split.intro == "Hello."
    assert [section.body for section in split.sections] == ["Text a.", "Text b."]


def test_sections_know_their_line():
    split = split_sections("Hello.\n\n## A\n\nText.\n\n## B\n")
    assert [section.start_line for section in split.sections] == [3, 7]


def test_windows_line_ends_are_read():
    assert headings("## A\r\n\r\ntext\r\n\r\n## B\r\n") == ["A", "B"]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("![a](b.png)", True),
        ('<img src="b.png">', True),
        ('text <img src="b.png"> text', True),
        ("[![a](b.png)](/x)", True),
        ("`![a](b.png)`", False),
        ("```\n![a](b.png)\n```", False),
        ("[a](b.png)", False),
    ],
)
def test_section_knows_whether_it_holds_a_picture(markup, expected):
    assert split_sections(f"## A\n\n{markup}\n\n## B\n").sections[0].has_picture is expected


def test_heading_of_500_characters_is_kept_whole():
    long = "word " * 99 + "words"
    assert headings(f"## {long}\n\n## B\n")[0] == long


def test_longer_heading_is_clipped():
    heading = headings(f"## {'x' * 700}\n\n## B\n")[0]
    assert len(heading) == 500 and heading.endswith("…")


def test_heading_loses_its_marks():
    assert headings("## The *quick* `fox` [jumps](/x) <b>high</b>\n\n## B\n")[0] == (
        "The quick fox jumps high"
    )


def test_anchors_are_unique_and_readable():
    split = split_sections("## Über uns\n\n## Über uns\n\n## 🎈\n\n## Content\n")
    assert [one.anchor for one in split.sections] == [
        "über-uns", "über-uns-2", "section", "content-2",
    ]  # fmt: skip


def test_own_anchor_is_taken_from_braces():
    section = split_sections("## A thing {#thing}\n\n## B\n").sections[0]
    assert (section.heading, section.anchor) == ("A thing", "thing")


def test_text_hash_ignores_space_at_line_ends():
    one, other = split_sections("## A\n\nx  \ny\n\n## A\n\nx\ny\n").sections
    assert one.text_hash == other.text_hash


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        '<a href="JaVaScRiPt:alert(1)">x</a>',
        "<iframe src='https://example.org'></iframe>",
        "<style>body{display:none}</style>",
        '<p style="position:fixed">x</p>',
        "<form action='/x'><button>go</button></form>",
        "<svg onload=alert(1)>",
        '<input type="text" onfocus="alert(1)">',
        "<meta http-equiv=refresh content=0>",
    ],
)
def test_hostile_markup_is_harmless(hostile):
    html = render(hostile).lower()
    for word in ("<script", "onerror", 'href="java', "<iframe", "<style", "position", "<form",
                 "<button", "onload", "onfocus", "<meta", 'type="text"'):  # fmt: skip
        assert word not in html


def test_table_is_framed_and_aligned():
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert '<div class="table"><table>' in html and 'style="text-align:right"' in html


def test_unknown_relative_picture_is_left_out():
    assert render("Before.\n\n![x](none.png)\n\nAfter.") == "<p>Before.</p>\n<p>After.</p>"


def test_known_relative_picture_is_resolved():
    html = render("![x](./my%20pic.png)", picture_url={"my pic.png": "/p/1"}.get)
    assert 'src="/p/1"' in html and 'loading="lazy"' in html


def test_picture_in_html_is_resolved_too():
    assert 'src="/p/1"' in render('<img src="a.png">', picture_url={"a.png": "/p/1"}.get)


def test_lone_picture_with_title_gets_a_caption():
    html = render('![x](https://example.org/a.png "A <fine> title")')
    assert "<figcaption>A &lt;fine&gt; title</figcaption></figure>" in html


def test_own_picture_brings_its_size():
    picture = LocalPicture("/p/1", 640, 416)
    html = render_parts("![x](a.png)", pictures={"a.png": picture}).intro
    assert 'width="640" height="416"' in html


def test_width_that_the_text_asks_for_stands():
    pictures = {"a.png": LocalPicture("/p/1", 640, 416)}
    html = render_parts('<img src="a.png" width="320">', pictures=pictures).intro
    assert 'width="320" height="208"' in html


def test_parts_share_link_definitions_and_footnotes():
    parts = render_parts("## A\n\n[x][ref][^1]\n\n## B\n\n[ref]: /there\n\n[^1]: A note.\n")
    assert 'href="/there"' in parts.sections[0].body
    assert "A note." in parts.notes and "A note." not in parts.sections[1].body


def test_unclosed_tag_ends_with_its_section():
    parts = render_parts("## A\n\n<div>open\n\n## B\n\ntext\n")
    assert parts.sections[0].body.count("</div>") == 1
    assert parts.sections[1].body == "<p>text</p>"


def test_section_headings_become_second_rank():
    parts = render_parts("### A\n\n#### deep\n\n### B\n")
    assert '<h3 id="deep">deep</h3>' in parts.sections[0].body


def test_lone_first_rank_heading_is_lowered():
    assert "<h2" in render_parts("# Top\n\n## A\n\n## B\n").intro


def test_heading_keeps_its_emphasis():
    assert render_parts("## *A* `b`\n\n## B\n").sections[0].heading == ("<em>A</em> <code>b</code>")


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "“a” it’s"), ("de-AT", "„a“ it’s"), ("xx", "&quot;a&quot; it's")],
)
def test_quotation_marks_follow_the_language(language, expected):
    html = render_parts('"a" it\'s', language=language).intro
    assert html.replace('"a"', "&quot;a&quot;") == f"<p>{expected}</p>"


def test_code_keeps_straight_quotation_marks():
    assert '<code>"a" --b</code>' in render_parts('`"a" --b` --c', language="en").intro


def test_plain_text_leaves_marks_code_and_pictures_out():
    text = "# T\n\nA *b* [c](/d) ![e](f.png).\n\n```\ncode\n```\n\n- item\n"
    assert plain_text(text) == "T A b c . item"


def test_plain_text_is_cut_at_a_word():
    assert plain_text("One two three four five", 15) == "One two three…"


@pytest.mark.parametrize("limit", [1, 2, 5, 20])
def test_plain_text_keeps_to_the_limit(limit):
    assert len(plain_text("unbreakable" * 5, limit)) <= limit


def test_plain_text_drops_loose_references():
    assert plain_text("See [the book][1] now") == "See the book now"


def test_right_to_left_and_emoji_headings_are_read():
    assert headings("## שלום עולם\n\n## 🎈🎉\n") == ["שלום עולם", "🎈🎉"]
