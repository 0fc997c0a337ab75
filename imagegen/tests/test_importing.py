"""Pictures that imported posts bring along."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from PIL import Image

from blog.hooks import MetPicture
from blog.models import Post, PostPicture
from imagegen.models import ImageOutput, PublicCopy
from imagegen.services import importing, review
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]

BODY = "Text ![wall](wall.png) and ![again](./wall.png)\n"


@pytest.fixture
def post(db) -> Post:
    return make_post(body=BODY)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A bundle's folder with two pictures and a bad one."""
    (tmp_path / "hero.jpg").write_bytes(made.encoded(format="JPEG"))
    (tmp_path / "wall.png").write_bytes(made.png(seed=3))
    (tmp_path / "bad.png").write_bytes(made.SVG)
    return tmp_path


def met(folder: Path, name: str, role: str = "body", **facts) -> MetPicture:
    return MetPicture(name=name, path=str(folder / name), role=role, **facts)


def meet(post: Post, *pictures: MetPicture) -> list[str]:
    return importing.on_pictures_met(post=post, pictures=list(pictures))


def test_hero_is_uploaded_approved_and_chosen(post, folder):
    assert meet(post, met(folder, "hero.jpg", "hero", alt="A wall", caption="In March")) == []
    slot = hero_of(post)
    assert (slot.choice.kind, slot.choice.state) == ("uploaded", "approved")
    assert slot.caption == "In March"
    assert slot.alts.get().text == "A wall"


def test_same_hero_again_changes_nothing(post, folder):
    for _ in range(2):
        meet(post, met(folder, "hero.jpg", "hero"))
    assert ImageOutput.objects.count() == 1


def test_editors_later_choice_survives_the_next_import(post, folder):
    meet(post, met(folder, "hero.jpg", "hero"))
    later = choose(hero_of(post), seed=8)
    meet(post, met(folder, "hero.jpg", "hero"))
    assert hero_of(post).choice == later


def test_new_hero_file_becomes_the_choice(post, folder):
    meet(post, met(folder, "hero.jpg", "hero"))
    (folder / "hero.jpg").write_bytes(made.encoded(made.scene(seed=9), "JPEG"))
    meet(post, met(folder, "hero.jpg", "hero"))
    assert ImageOutput.objects.count() == 2
    assert hero_of(post).choice == ImageOutput.objects.first()


def test_rejected_hero_does_not_come_back(post, folder):
    meet(post, met(folder, "hero.jpg", "hero"))
    review.undo_review(output=hero_of(post).choice, user=None)
    meet(post, met(folder, "hero.jpg", "hero"))
    assert hero_of(post).choice is None


def test_picture_of_the_text_is_kept_clean(post, folder):
    meet(post, met(folder, "wall.png", alt="wall"))
    row = PostPicture.objects.get()
    assert (row.name, row.alt, row.width) == ("wall.png", "wall", made.SIZE[0])
    assert row.path.startswith(f"originals/bundles/{post.pk}/")
    assert Image.open(storages["originals"].path(row.path)).size == made.SIZE


def test_same_picture_again_is_not_encoded_again(post, folder, monkeypatch):
    meet(post, met(folder, "wall.png"))
    monkeypatch.setattr(importing, "run_in_child", None)
    assert meet(post, met(folder, "wall.png", alt="other words")) == []
    assert PostPicture.objects.get().alt == "other words"


def test_two_names_of_one_file_share_it(post, folder):
    other = MetPicture(name="./wall.png", path=str(folder / "wall.png"), role="body")
    meet(post, met(folder, "wall.png"), other)
    assert len(set(PostPicture.objects.values_list("path", flat=True))) == 1
    assert PostPicture.objects.count() == 2


def test_changed_picture_replaces_the_old_file(post, folder, django_capture_on_commit_callbacks):
    meet(post, met(folder, "wall.png"))
    old = PostPicture.objects.get().path
    (folder / "wall.png").write_bytes(made.png(seed=4))
    with django_capture_on_commit_callbacks(execute=True):
        meet(post, met(folder, "wall.png"))
    assert PostPicture.objects.get().path != old
    assert not storages["originals"].exists(old)


def test_picture_that_is_named_no_more_is_forgotten(
    post, folder, django_capture_on_commit_callbacks
):
    meet(post, met(folder, "wall.png"))
    path = PostPicture.objects.get().path
    Post.objects.update(body="No pictures.")
    post.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        meet(post)
    assert not PostPicture.objects.exists()
    assert not storages["originals"].exists(path)


def test_picture_that_the_text_still_names_is_kept(post, folder):
    meet(post, met(folder, "wall.png"))
    meet(post)
    assert PostPicture.objects.exists()


@pytest.mark.parametrize("role", ["hero", "body"])
@pytest.mark.parametrize(("name", "words"), [("bad.png", "SVG"), ("none.png", "not there")])
def test_bad_picture_costs_a_sentence_only(post, folder, role, name, words):
    problems = meet(post, met(folder, name, role), met(folder, "wall.png"))
    assert len(problems) == 1
    assert name in problems[0] and words in problems[0]
    assert str(folder) not in problems[0]
    assert PostPicture.objects.count() == 1


def test_too_large_a_picture_is_left_out(post, folder):
    with open(folder / "wall.png", "ab") as file:
        file.truncate(26 * 1024 * 1024)
    assert "larger than 25 MB" in meet(post, met(folder, "wall.png"))[0]


# --- The command ------------------------------------------------------------------------

POST = """---
title: {title}
date: 2024-03-01
image: hero.jpg
---
Text ![wall](wall.png)

## One

First.

## Two

![in a section](wall.png)
"""


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("import_posts", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


@pytest.fixture
def bundle(folder) -> Path:
    (folder / "index.md").write_text(POST.format(title="Walls"))
    return folder


def test_command_imports_a_bundle_with_its_pictures(bundle):
    text, code = run(str(bundle))
    assert (code, "1 created" in text) == (0, True)
    post = Post.objects.get()
    assert post.is_public
    assert hero_of(post).choice.kind == "uploaded"
    assert PostPicture.objects.get().name == "wall.png"


def test_hero_is_public_without_a_worker(bundle):
    text, _ = run(str(bundle))
    assert "public pictures were made here" in text
    assert PublicCopy.objects.live().filter(purpose="web", format="JPEG").count() == 1


def test_section_that_holds_a_picture_is_not_wanted(bundle):
    run(str(bundle))
    wanted = dict(
        Post.objects.get().slots.filter(role="section").values_list("section_heading", "wanted")
    )
    assert wanted == {"One": True, "Two": False}


def test_second_run_changes_nothing(bundle):
    run(str(bundle))
    before = Post.objects.values().get()
    text, _ = run(str(bundle))
    assert "0 created, 0 updated, 1 unchanged" in text
    assert Post.objects.values().get() == before
    assert ImageOutput.objects.count() == 1


def test_dry_run_stores_nothing(bundle, settings):
    text, code = run(str(bundle), "--dry-run")
    assert (code, "Would be: 1 created" in text) == (0, True)
    assert not Post.objects.exists()
    assert not (settings.DATA_DIR / "private").exists()


def test_changed_file_waits_for_update(bundle):
    run(str(bundle))
    (bundle / "index.md").write_text(POST.format(title="Higher walls"))
    assert "1 changed" in run(str(bundle))[0]
    assert "1 updated" in run(str(bundle), "--update")[0]
    assert Post.objects.get().title == "Higher walls"


def test_bad_file_is_named_and_the_others_go_in(bundle):
    (bundle / "broken.md").write_text("---\ntitle: [unclosed\n---\nText\n")
    text, code = run(str(bundle), "--json")
    told = json.loads(text)
    assert code == 1
    assert told["created"] == 1
    assert told["failed"][0]["file"].endswith("broken.md")
    assert told["failed"][0]["line"] and told["failed"][0]["reason"]


def test_bad_picture_is_a_note_and_the_post_goes_in(bundle):
    (bundle / "hero.jpg").write_bytes(made.HTML)
    text, code = run(str(bundle))
    assert code == 0
    assert "Note: " in text and "an HTML page" in text
    assert hero_of(Post.objects.get()).choice is None


def test_path_that_is_not_there_fails(tmp_path, db):
    text, code = run(str(tmp_path / "nothing"))
    assert code == 1
    assert "no such file" in text.lower()


def test_split_level_is_an_option(bundle):
    run(str(bundle), "--split-level", "0")
    assert not Post.objects.get().sections.exists()


def test_json_has_all_its_keys(bundle):
    told = json.loads(run(str(bundle), "--json")[0])
    wanted = {"created", "updated", "unchanged", "changed", "conflicts", "failed"}
    assert wanted <= set(told)
