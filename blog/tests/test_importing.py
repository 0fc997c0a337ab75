"""Importing files: what becomes of them, run after run."""

import os

import pytest

from blog import hooks
from blog.importing import find_files, import_paths
from blog.models import Post, SlugHistory
from blog.tests.factories import edited, make_post

pytestmark = pytest.mark.django_db

POST = """---
title: A tale
date: 2024-03-01
tags: [one, two]
---

Text.

## A

a

## B

b
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of posts; `write(name, text)` adds a file."""
    root = tmp_path / "posts"
    root.mkdir()
    return root


def write(folder, name, text=POST):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def counts(report):
    return report.created, report.updated, report.unchanged, report.changed


def reason(report):
    [problem] = report.failed
    return problem.reason


def test_import_makes_a_published_post_with_sections(folder):
    write(folder, "a-tale.md")
    assert counts(import_paths([folder])) == (1, 0, 0, 0)
    post = Post.objects.get()
    assert (post.slug, post.status, post.sections.count()) == ("a-tale", "published", 2)
    assert sorted(tag.name for tag in post.tags.all()) == ["one", "two"]


def test_second_run_changes_nothing(folder):
    write(folder, "a.md")
    import_paths([folder])
    before = Post.objects.values().get()
    assert counts(import_paths([folder], update=True)) == (0, 0, 1, 0)
    assert Post.objects.values().get() == before


def test_dry_run_counts_and_changes_nothing(folder):
    write(folder, "a.md")
    write(folder, "b.md", "---\ndate: soon\n---\n")
    report = import_paths([folder], dry_run=True)
    assert (report.created, len(report.failed)) == (1, 1)
    assert not Post.objects.exists()


def test_changed_file_is_only_reported_without_update(folder):
    write(folder, "a.md")
    import_paths([folder])
    write(folder, "a.md", POST.replace("A tale", "A fable"))
    assert counts(import_paths([folder])) == (0, 0, 0, 1)
    assert Post.objects.get().title == "A tale"


def test_update_keeps_the_ids_of_sections(folder):
    write(folder, "a.md")
    import_paths([folder])
    before = list(Post.objects.get().sections.values_list("pk", "heading"))
    write(folder, "a.md", POST.replace("\n## A", "\n## Zero\n\nNew.\n\n## A"))
    assert counts(import_paths([folder], update=True)) == (0, 1, 0, 0)
    assert list(Post.objects.get().sections.values_list("pk", "heading"))[1:] == before


def test_post_edited_here_is_a_conflict_and_not_overwritten(folder):
    write(folder, "a.md")
    import_paths([folder])
    edited(Post.objects.get(), body="Mine.")
    write(folder, "a.md", POST.replace("Text.", "Theirs."))
    report = import_paths([folder], update=True)
    assert [problem.file for problem in report.conflicts] == [str(folder / "a.md")]
    assert not report.ok
    assert Post.objects.get().body == "Mine."


def test_post_edited_here_with_the_same_file_is_unchanged(folder):
    write(folder, "a.md")
    import_paths([folder])
    edited(Post.objects.get(), body="Mine.")
    assert counts(import_paths([folder], update=True)) == (0, 0, 1, 0)


def test_conflict_ends_when_file_and_post_say_the_same(folder):
    write(folder, "a.md")
    import_paths([folder])
    edited(Post.objects.get(), title="A fable")
    write(folder, "a.md", POST.replace("A tale", "A fable"))
    assert counts(import_paths([folder], update=True)) == (0, 0, 1, 0)
    assert Post.objects.get().edited_at is None


def test_bad_file_leaves_the_others_in(folder):
    write(folder, "a.md")
    write(folder, "b.md", "---\ntitle: [\n---\n")
    write(folder, "c.md", POST.replace("A tale", "C"))
    report = import_paths([folder])
    assert report.created == 2 and report.failed[0].file.endswith("b.md")


def test_failing_hook_leaves_nothing_of_its_post(folder):
    write(folder, "a.md")
    write(folder, "b.md")

    def fail_for_a(post, pictures):
        if post.slug == "a":
            raise RuntimeError("broken")

    with hooks.registered(hooks.PICTURES_MET, fail_for_a):
        report = import_paths([folder])
    assert "fault" in reason(report)
    assert [post.slug for post in Post.objects.all()] == ["b"]


def test_same_slug_twice_in_one_run_names_the_first(folder):
    write(folder, "one/same.md")
    write(folder, "two/same.md")
    report = import_paths([folder])
    assert report.created == 1
    assert "one/same.md" in reason(report) and report.failed[0].file.endswith("two/same.md")


def test_slug_of_another_files_post_is_refused(folder):
    write(folder, "one/same.md")
    import_paths([folder / "one"])
    write(folder, "two/other.md", POST.replace("---\n\n", "slug: same\n---\n\n", 1))
    report = import_paths([folder / "two"], update=True)
    assert "one/same.md" in reason(report)


def test_slug_of_a_post_written_here_is_refused(folder):
    make_post(slug="a")
    write(folder, "a.md")
    assert "written here" in reason(import_paths([folder], update=True))


@pytest.mark.parametrize("slug", ["2024", "admin"])
def test_slug_that_cannot_work_is_refused_with_its_line(folder, slug):
    write(folder, "a.md", f"---\ntitle: X\nslug: {slug}\n---\n")
    report = import_paths([folder])
    assert report.failed[0].line == 3 and slug in reason(report)


def test_same_file_is_known_from_an_inner_folder_and_by_name(folder):
    write(folder, "deep/a.md")
    import_paths([folder])
    assert counts(import_paths([folder / "deep"])) == (0, 0, 1, 0)
    assert counts(import_paths([folder / "deep" / "a.md"])) == (0, 0, 1, 0)


def test_slug_changed_in_the_file_moves_the_post(folder):
    write(folder, "a.md")
    import_paths([folder])
    write(folder, "a.md", POST.replace("---\n\n", "slug: new-name\n---\n\n", 1))
    assert counts(import_paths([folder], update=True)) == (0, 1, 0, 0)
    assert Post.objects.get().slug == "new-name"
    assert SlugHistory.objects.get().slug == "a"


def test_slug_changed_here_is_still_the_files_post(folder):
    write(folder, "a.md")
    import_paths([folder])
    edited(Post.objects.get(), slug="moved-here")
    assert counts(import_paths([folder], update=True)) == (0, 0, 1, 0)
    assert Post.objects.count() == 1


def test_draft_stays_a_draft_until_its_file_says_otherwise(folder):
    write(folder, "a.md", POST.replace("tags", "draft: true\ntags"))
    import_paths([folder])
    assert Post.objects.get().status == "draft"
    write(folder, "a.md")
    import_paths([folder], update=True)
    assert Post.objects.get().status == "published"


def test_future_date_schedules(folder):
    write(folder, "a.md", POST.replace("2024-03-01", "2999-01-01"))
    import_paths([folder])
    post = Post.objects.get()
    assert (post.status, post.scheduled_for.year) == ("scheduled", 2999)


def test_import_never_withdraws(folder):
    write(folder, "a.md")
    import_paths([folder])
    write(folder, "a.md", POST.replace("tags", "draft: true\ntags"))
    import_paths([folder], update=True)
    assert Post.objects.get().status == "published"


def test_post_without_a_date_is_published_now(folder):
    write(folder, "a.md", "# Hello\n\nText.")
    import_paths([folder])
    assert Post.objects.get().published_at is not None


def test_aliases_become_former_slugs(folder):
    write(folder, "a.md", POST.replace("tags", "aliases: [/2019/old.html, 'x/y/']\ntags"))
    import_paths([folder])
    assert set(SlugHistory.objects.values_list("slug", flat=True)) == {"old", "y"}


def test_split_level_option_yields_to_the_front_matter(folder):
    text = "---\ntitle: {0}\n{1}---\n## A\n\n### a\n\n### b\n\n## B\n"
    write(folder, "a.md", text.format("A", ""))
    write(folder, "b.md", text.format("B", "split_level: 2\n"))
    import_paths([folder], split_level=3)
    assert [Post.objects.get(slug=slug).sections.first().level for slug in "ab"] == [3, 2]


def test_new_split_level_is_a_change(folder):
    write(folder, "a.md")
    import_paths([folder])
    assert counts(import_paths([folder], split_level=0)) == (0, 0, 0, 1)
    assert counts(import_paths([folder], split_level=0, update=True)) == (0, 1, 0, 0)
    assert Post.objects.get().sections.count() == 0


def test_hooks_hear_of_pictures_and_their_remarks_are_reported(folder):
    write(folder, "b/hero.jpg", b"x")
    write(folder, "b/in.png", b"x")
    write(folder, "b/index.md", "---\ntitle: B\ncover: {image: hero.jpg, alt: A hero}\n---\n"
          "![inside](in.png)\n![gone](gone.png)\n")  # fmt: skip
    met = []

    def meet(post, pictures):
        met.extend((one.name, one.role, one.alt) for one in pictures)
        return ["in.png is no picture."]

    with hooks.registered(hooks.PICTURES_MET, meet):
        report = import_paths([folder])
    assert met == [("hero.jpg", "hero", "A hero"), ("in.png", "body", "inside")]
    assert "gone.png" in report.warnings[0].reason
    assert report.warnings[1].reason == "in.png is no picture." and report.ok


def test_progress_is_told(folder):
    write(folder, "a.md")
    write(folder, "b.md")
    told = []
    import_paths([folder], on_file=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_report_as_a_dictionary(folder):
    write(folder, "a.md", "---\nx\n")
    found = import_paths([folder]).to_dict()
    assert list(found)[:6] == ["created", "updated", "unchanged", "changed", "conflicts", "failed"]
    assert found["failed"][0]["line"] == 1


@pytest.mark.parametrize("count", [500, pytest.param(2000, marks=pytest.mark.exhaustive)])
def test_very_many_sections_go_in(folder, count):
    write(folder, "a.md", "\n\n".join(f"## Part {n}\n\nText." for n in range(count)))
    assert import_paths([folder]).created == 1
    assert Post.objects.get().sections.count() == count


def test_nothing_found_is_a_failure(folder):
    assert "no such file" in reason(import_paths([folder / "none"]))
    assert "No Markdown file matches" in reason(import_paths([f"{folder}/*.md"]))


def test_file_of_another_kind_is_refused(folder):
    path = write(folder, "a.txt", "x")
    assert "no Markdown file" in reason(import_paths([path]))


def test_folders_are_searched_deeply_and_lists_left_out(folder):
    for name in ("b.markdown", "a/c.mdown", "a/index.md", "_index.md", "x/_index.md", "n.txt",
                 ".git/d.md", "node_modules/e.md"):  # fmt: skip
        write(folder, name)
    found = [file.path.relative_to(folder).as_posix() for file in find_files([folder]).files]
    assert found == ["b.markdown", "a/c.mdown", "a/index.md"]


def test_globs_and_repeated_names_give_each_file_once(folder):
    write(folder, "a.md")
    write(folder, "deep/b.md")
    found = find_files([f"{folder}/**/*.md", folder, folder / "a.md"]).files
    assert sorted(file.path.name for file in found) == ["a.md", "b.md"]


def test_link_out_of_the_folder_is_refused(folder, tmp_path):
    outside = tmp_path / "secret.md"
    outside.write_text("# Secret")
    (folder / "link.md").symlink_to(outside)
    assert "outside" in reason(import_paths([folder]))


def test_readme_without_front_matter_speaks_of_the_folder(folder):
    path = write(folder, "README.md", "# The posts\n\nHow they are kept.")
    assert counts(import_paths([folder])) == (0, 0, 0, 0)
    assert import_paths([path]).created == 1
    assert Post.objects.get().slug == "the-posts"


def test_links_in_a_circle_do_not_stop_the_others(folder):
    (folder / "a.md").symlink_to("a.md")
    (folder / "b.png").symlink_to("b.png")
    write(folder, "c.md", "![x](b.png)")
    report = import_paths([folder])
    assert report.created == 1
    assert "cannot be read" in reason(report)


def test_pipe_named_like_a_post_is_refused_at_once(folder):
    os.mkfifo(folder / "a.md")
    assert "no plain file" in reason(import_paths([folder]))


def test_reasons_neither_break_nor_steer_a_terminal(folder):
    write(folder, "a.md", '{"date": "\\ud800\\u001b[31m"}\nx')
    assert "“??[31m” is no date" in reason(import_paths([folder]))


def test_file_name_that_is_no_text_is_read_all_the_same(folder):
    with open(os.fsencode(folder) + b"/caf\xe9.md", "w") as file:
        file.write("# Coffee")
    assert import_paths([folder]).created == 1
    assert Post.objects.get().source_path.endswith("caf?.md")
