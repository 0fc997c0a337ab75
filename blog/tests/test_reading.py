"""Reading one file: encodings, front matter in all its forms, pictures, other programs' markup."""

from datetime import UTC, datetime

import pytest

from blog.errors import ImportProblem
from blog.importing import read_post_file
from blog.importing.dates import date_in_name, read_date
from blog.importing.dialects import adapt_body
from blog.importing.files import same_source


@pytest.fixture
def read(tmp_path):
    """Write a file and read it as a post."""

    def read(content, name="posts/a-tale.md", **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_post_file(path, **options)

    return read


def matter(*lines, body=""):
    return "---\n" + "\n".join(lines) + "\n---\n\n" + body


def fault(read, *arguments, **options):
    with pytest.raises(ImportProblem) as caught:
        read(*arguments, **options)
    return caught.value


# --- Encodings and size -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_are_read(read, encoding):
    assert read("---\ntitle: Größe\n---\nText".encode(encoding)).title == "Größe"


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"# A\n\nGr\xf6\xdfe", 3, "Byte 8 (0xF6) is not UTF-8"),
        (b"\xff\xfea\x00b", 1, "UTF-16"),
        (b"# A\nx\x00y", 2, "NUL"),
    ],
)
def test_unreadable_bytes_are_named(read, data, line, word):
    problem = fault(read, data)
    assert problem.line == line and word in problem.reason


def test_huge_file_is_refused_with_its_size(read):
    assert "20.0 MB" in fault(read, b"x" * (20 * 1024 * 1024)).reason


def test_missing_file_is_a_clear_failure(tmp_path):
    with pytest.raises(ImportProblem, match="cannot be read"):
        read_post_file(tmp_path / "none.md")


def test_empty_file_is_a_post_named_after_it(read):
    assert read("").title == "A tale"


# --- Front matter -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '---\ntitle: "One: two"\ntags: [a, b]\n---\nText',
        '+++\ntitle = "One: two"\n[taxonomies]\ntags = ["a", "b"]\n+++\nText',
        '{"title": "One: two", "tags": ["a", "b"]}\n\nText',
        '---\r\nTitle: "One: two"\r\ntags:\r\n  - a\r\n  - b\r\n---\r\nText',
    ],
)
def test_three_kinds_of_front_matter(read, text):
    post = read(text)
    assert (post.title, post.tags, post.body) == ("One: two", ["a", "b"], "Text")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("---\ntitle: a\nmood: b: c\n---\n", 3, "Put quotes"),
        ("---\ntitle: [a\n---\n", 2, "YAML"),
        ("---\ntitle: a\n", 1, "does not end"),
        ("---\n- a\n- b\n---\n", 1, "no list of keys"),
        ('+++\ntitle = "a"\ndate = soon\n+++\n', 3, "TOML"),
        ("+++\ntitle = \n+++\n", 2, "TOML"),
        ('{"title": "a",\n "tags": [}\n', 2, "JSON"),
        ("---\ntitle: !!python/object:os.system x\n---\n", 2, "YAML"),
        ("---\nx: " + "[" * 1000 + "\n---\n", 1, "YAML"),
        ("---\nx: \x07\n---\n", 2, "YAML"),
        ("---\nx: " + "y" * 70000 + "\n---\n", 1, "65,536"),
        ('---\ntitle: "\\ud800"\n---\n', 2, "half"),
    ],
)
def test_broken_front_matter_is_named_with_its_line(read, text, line, word):
    problem = fault(read, text)
    assert problem.line == line and word in problem.reason
    assert problem.file.endswith("a-tale.md")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("1.10", "1.10"),
        ("2024-01-01", "2024-01-01"),
        ("No", "No"),
        ("007", "007"),
        ("12:30", "12:30"),
    ],
)
def test_titles_keep_the_form_in_which_they_were_written(read, title, expected):
    assert read(matter(f"title: {title}")).title == expected


def test_text_that_begins_with_a_shortcode_has_no_front_matter(read):
    assert read("{{< note >}}\nText").body.strip() == "Text"


def test_title_comes_from_the_first_heading_and_leaves_the_text(read):
    post = read("Intro.\n\n# The *title*\n\nText.")
    assert (post.title, post.body) == ("The title", "Intro.\n\n\nText.")


def test_heading_that_repeats_the_title_leaves_the_text(read):
    assert read(matter("title: Same", body="# Same\n\nText.")).body == "Text."


def test_other_first_heading_stays(read):
    assert read(matter("title: One", body="# Two\n\nText.")).body.startswith("# Two")


def test_title_comes_from_the_file_name_at_last(read):
    assert read("Text.", name="2024-03-01-a-walk_home.md").title == "A walk home"


def test_long_title_is_refused(read):
    problem = fault(read, matter("x: 1", "title: " + "x" * 501))
    assert problem.line == 3 and "501" in problem.reason


def test_right_to_left_and_emoji_titles_are_kept(read):
    assert read(matter("title: שלום 🎈")).title == "שלום 🎈"


# --- Address ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "slug"),
    [
        ("slug: My Slug", "x.md", "my-slug"),
        ('path: "2018/10/30/Help-Test"', "x.md", "help-test"),
        ("permalink: /blog/a-tale.html", "x.md", "a-tale"),
        ("permalink: /:year/:title/", "x.md", "x"),
        ("url: https://example.org/a/b/", "x.md", "b"),
        ("permalink: /2024/", "x.md", "x"),
        ("x: 1", "2024-03-01-the-name.md", "the-name"),
        ("x: 1", "2024-03-01-bundle/index.md", "bundle"),
        ("x: 1", "Release 1.93.1.md", "release-1-93-1"),
        ("x: 1", "мир.md", "мир"),
        ("x: 1", "1984.md", "post-1984"),
    ],
)
def test_slug(read, line, name, slug):
    assert read(matter("title: T", line), name=name).slug == slug


def test_aliases_keep_their_last_parts(read):
    post = read(matter("title: T", "aliases: [/a/b.html, c/, /2024/]", "redirect_from: /old"))
    assert post.former_slugs == ["b", "c", "old"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("posts/rust/x.md", "rust/x.md", True),
        ("posts/x.md", "rust/x.md", False),
        ("rust/x.md", "rust/x.md", True),
        ("a/index.md", "b/index.md", False),
    ],
)
def test_source_paths_mean_one_file_if_one_ends_in_the_other(one, other, same):
    assert same_source(one, other) is same


# --- Dates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01", (2024, 3, 1, 0, 0)),
        ("2024-3-1", (2024, 3, 1, 0, 0)),
        ("2024/03/01 14:30", (2024, 3, 1, 14, 30)),
        ("2024-03-01T14:30:00Z", (2024, 3, 1, 14, 30)),
        ("2024-03-01T14:30:00.123456+02:00", (2024, 3, 1, 12, 30)),
        ("2013-07-24 22:24:14 +0200", (2013, 7, 24, 20, 24)),
        ("2023-01-29 18:30:22 2023 -0800", (2023, 1, 30, 2, 30)),
        ("2024-03-01 2:30 PM", (2024, 3, 1, 14, 30)),
        ("2024-03-01 14:30:00 EST", (2024, 3, 1, 19, 30)),
        ("2024-03-01 14:30 +02", (2024, 3, 1, 12, 30)),
        ("Jul 08 2022", (2022, 7, 8, 0, 0)),
        ("July 8, 2022", (2022, 7, 8, 0, 0)),
        ("8 July 2022", (2022, 7, 8, 0, 0)),
        ("Fri, 01 Mar 2024 14:30:00 +0100", (2024, 3, 1, 13, 30)),
    ],
)
def test_dates_are_read(text, expected):
    moment = read_date(text).replace(second=0, microsecond=0)
    assert moment == datetime(*expected, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["soon", "2024-13-01", "2024-02-30", "01/02/2024", "", 5, None, "2024-01-01 25:00",
              "2024-01-01 10:00 XYZQ", "0001-01-01", "9999-12-31"]
)  # fmt: skip
def test_what_is_no_date_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        read_date(value)


def test_bad_date_is_named_with_its_line(read):
    problem = fault(read, matter("title: T", "pubDate: soon"))
    assert problem.line == 3 and "“soon”" in problem.reason


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("date: 2024-03-01", "x.md"),
        ("pubDate: 'Mar 01 2024'", "x.md"),
        ("x: 1", "2024-03-01-x.md"),
        ("path: 2024/03/01/x", "x.md"),
        ("x: 1", "2024-03-01-x/index.md"),
    ],
)
def test_places_of_the_date(read, line, name):
    assert read(matter("title: T", line), name=name).date == datetime(2024, 3, 1, tzinfo=UTC)


def test_date_of_toml_keeps_its_type(read):
    post = read('+++\ntitle = "T"\ndate = 2024-03-01T10:00:00+01:00\n+++\n')
    assert post.date == datetime(2024, 3, 1, 9, tzinfo=UTC)


def test_publish_date_decides_when(read):
    post = read(matter("title: T", "date: 2024-03-01", "publishDate: 2999-01-01"))
    assert (post.date.year, post.publish_at.year) == (2024, 2999)


def test_impossible_date_in_a_name_is_no_date():
    assert date_in_name("2024-13-99-x") == (None, "2024-13-99-x")


@pytest.mark.parametrize(
    ("line", "name"),
    [("draft: true", "x.md"), ("published: false", "x.md"), ("status: Draft", "x.md"),
     ("x: 1", "_drafts/x.md"), ("draft: 'yes'", "x.md")],
)  # fmt: skip
def test_drafts(read, line, name):
    assert read(matter("title: T", line), name=name).draft


@pytest.mark.parametrize("line", ["draft: false", "published: true", "published: 2024-01-01"])
def test_no_drafts(read, line):
    assert not read(matter("title: T", line)).draft


# --- Words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("tags: [a, B, b]", ["a", "B"]),
        ("tags: one, two words", ["one", "two words"]),
        ("tags: one two", ["one", "two"]),
        ("category: two words", ["two words"]),
        ("categories: [x]\ntags: [y]", ["y", "x"]),
        ("tags:", []),
        ("tags: 5", ["5"]),
        ("tags: [[a]]", []),
    ],
)
def test_tags(read, line, tags):
    assert read(matter("title: T", line)).tags == tags


def test_long_tag_is_refused(read):
    assert "tag" in fault(read, matter("title: T", "tags: [" + "x" * 101 + "]")).reason


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("author: Ann Ode", "Ann Ode"),
        ("authors: [Ann, Bea, Cy]", "Ann, Bea and Cy"),
        ("author: {name: Ann, url: /x}", "Ann"),
        ("authors: [{name: Ann}, Bea]", "Ann and Bea"),
    ],
)
def test_authors(read, line, author):
    assert read(matter("title: T", line)).author_name == author


def test_summary_is_plain_text(read):
    assert read(matter("title: T", "description: A *fine* [day](/x)")).summary == "A fine day"


def test_extra_values_of_zola_are_read(read):
    assert read('+++\ntitle = "T"\n[extra]\nauthor = "Ann"\nlang = "de"\n+++\n').language == "de"


def test_unknown_language_is_a_warning(read):
    post = read(matter("title: T", "lang: Klingon!"))
    assert post.language == "" and post.warnings[0].line == 3


@pytest.mark.parametrize(("level", "expected"), [("2", 2), ("h3", 3), ("0", 0)])
def test_split_level(read, level, expected):
    assert read(matter("title: T", f"split_level: {level}"), split_level=5).split_level == expected


def test_bad_split_level_is_refused(read):
    assert fault(read, matter("title: T", "split_level: 9")).line == 3


# --- Pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["hero: pic.jpg"],
        ["image: ./pic.jpg"],
        ["cover:", "  image: pic.jpg"],
        ["heroImage: pic.jpg"],
        ["featured_image: /pic.jpg"],
        ["image: {path: pic.jpg, alt: x}"],
        ["images: [pic.jpg, b.jpg]"],
        ["header: {teaser: pic.jpg}"],
        ["cover: https://example.org/x.jpg", "thumbnail: pic.jpg"],
    ],
)
def test_hero_is_found(read, tmp_path, lines):
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "pic.jpg").write_bytes(b"x")
    [hero] = read(matter("title: T", *lines)).pictures
    assert hero.role == "hero" and hero.path.endswith("posts/pic.jpg")


@pytest.mark.parametrize(
    "lines",
    [
        ["featured_image: pic.jpg", "cover: {image: pic.jpg, alt: The sea, caption: At noon}"],
        ["image: pic.jpg", "image_alt: The sea", "image_caption: At noon"],
    ],
)
def test_words_for_the_hero_are_gathered(read, tmp_path, lines):
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "pic.jpg").write_bytes(b"x")
    [hero] = read(matter("title: T", *lines)).pictures
    assert (hero.alt, hero.caption) == ("The sea", "At noon")


@pytest.mark.parametrize(
    "address", ["../../etc/passwd", "/etc/passwd", "../secret.jpg", "link.jpg", "x" * 5000, "%00"]
)
def test_pictures_outside_the_folder_are_left_out(read, tmp_path, address):
    (tmp_path / "posts").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "posts" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    post = read(matter("title: T", f"hero: '{address}'", body=f"![x](<{address}>)"))
    assert post.pictures == [] and len(post.warnings) == 1


def test_pictures_of_the_text_are_found_once_each(read, tmp_path):
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "my pic.png").write_bytes(b"x")
    body = '![a](my%20pic.png)\n\n<img alt="b" src="./my pic.png">\n\n`![c](none.png)`'
    [picture] = read(body).pictures
    assert (picture.name, picture.alt, picture.role) == ("my pic.png", "a", "body")


def test_remote_pictures_are_no_local_ones(read):
    post = read("![a](https://example.org/a.png) ![b](//example.org/b.png) ![c](data:image/png,x)")
    assert post.pictures == [] and post.warnings == []


# --- Other programs' markup -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% highlight ruby %}\nputs 1\n{% endhighlight %}", "```ruby\nputs 1\n```"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("`{% raw %}{% highlight %}{% endraw %}`", "`{% highlight %}`"),
        ("[a]({% post_url 2016-01-02-the-name %})", "[a](/the-name/)"),
        ('[a]({{ "/docs/" | relative_url }})', "[a](/docs/)"),
        ("[a]({{ site.baseurl }}/x)", "[a](/x)"),
        ("[a]({{ site.repository }}/issues/1)", "a"),
        ("a{% comment %}b{% endcomment %}c", "ac"),
        ("{% if x %}kept{% endif %}", "kept"),
        ("text\n{: .note}", "text\n"),
        ("[a](b){:target='_blank'}", "[a](b)"),
        ("* TOC\n{:toc}\n\ntext", "\n\ntext"),
        ("[a](@/blog/other.md#part)", "[a](/other/#part)"),
        ("[a](../2020-01-02-other.md)", "[a](/other/)"),
        ("[a](https://example.org/x.md)", "[a](https://example.org/x.md)"),
        ("[a]: @/blog/other/index.md", "[a]: /other/"),
        ('{{< figure src="a.png" alt="b" caption="c" >}}', '![b](<a.png> "c")'),
        ('{{ image(path="a.png", alt="b") }}', "![b](<a.png>)"),
        ("{{< youtube abc_1 >}}", "<https://www.youtube.com/watch?v=abc_1>"),
        ("{{< note >}}kept{{< /note >}}", "kept"),
        ('{% quote(author="x") %}kept{% end %}', "kept"),
        ('[a]({{< ref "other.md" >}})', "[a](/other/)"),
        ("{{ page.title }} and {x}", "{{ page.title }} and {x}"),
        ("```\n{% if %} {{< x >}} (a.md)\n```", "```\n{% if %} {{< x >}} (a.md)\n```"),
        ("`{{< x >}}` and `{: .y}`", "`{{< x >}}` and `{: .y}`"),
        ('println!("{:?}", x)', 'println!("{:?}", x)'),
    ],
)  # fmt: skip
def test_foreign_markup(text, expected):
    assert adapt_body(text) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ["images: &a [*a]"],
        ["a: &a [x, x]", "b: &b [*a, *a]", "tags: *b"],
        ["a: &a {k: v}", "b: {<<: [*a, *a]}"],
    ],
)
def test_aliases_that_can_grow_without_end_are_refused(read, lines):
    assert "aliases" in fault(read, matter(*lines)).reason


def test_json_number_of_any_length_is_refused_in_words(read):
    assert "cannot be read" in fault(read, '{"title": ' + "9" * 5000 + "}\nx").reason


@pytest.mark.parametrize("opened", ["{: .a", "{% x ", "{{ a(", "[a]({{ site.x "])
def test_tags_that_never_end_are_read_once(opened):
    text = opened * 5_000
    assert adapt_body(text) == text
