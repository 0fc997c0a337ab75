"""Pictures that imported posts bring along."""

from pathlib import Path

import pytest
from django.core.files.storage import storages
from PIL import Image

from blog.hooks import MetPicture
from blog.models import Post, PostPicture
from imagegen.models import ImageOutput
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
