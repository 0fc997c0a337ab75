"""Renditions are made once, kept by their content, and made again when something is lost."""

import os
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone
from PIL import Image

from imagegen.errors import BeingMade, StorageProblem
from imagegen.imaging import renditions as imaging
from imagegen.models import ImageOutput, PublicCopy, Rendition
from imagegen.services import recipes, renditions
from imagegen.services.renditions import ensure_renditions
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def output(db) -> ImageOutput:
    return put_output(hero_of(make_post()))


def wanted(output: ImageOutput) -> list[recipes.Recipe]:
    return list(recipes.web_recipes(output, None).values())


def files() -> list[str]:
    root = os.path.join(storages["originals"].location, "renditions")
    return sorted(name for _, _, names in os.walk(root) for name in names)


@pytest.fixture
def rendered(monkeypatch) -> list[int]:
    """How many files each call of the renderer was asked for."""
    calls: list[int] = []
    real = imaging.render

    def render(path, jobs, **options):
        calls.append(len(jobs))
        return real(path, jobs, **options)

    monkeypatch.setattr(imaging, "render", render)
    return calls


def test_all_recipes_of_an_image_are_made_in_one_call(output, rendered):
    avif, jpeg = ensure_renditions(output, wanted(output))
    assert rendered == [2]
    assert (avif.format, jpeg.format) == ("AVIF", "JPEG")
    assert (avif.width, avif.height) == (120, 80)


def test_file_has_the_name_and_the_hash_of_its_content(output):
    row = ensure_renditions(output, wanted(output))[0]
    assert row.path == f"renditions/{row.sha256[:2]}/{row.sha256[:32]}.avif"
    with storages["originals"].open(row.path) as file:
        assert Image.open(file).format == "AVIF"
    assert storages["originals"].size(row.path) == row.byte_size


def test_asking_again_makes_nothing(output, rendered):
    first = ensure_renditions(output, wanted(output))
    assert ensure_renditions(output, wanted(output)) == first
    assert rendered == [2]


def test_only_what_is_missing_is_made(output, rendered):
    ensure_renditions(output, wanted(output)[:1])
    ensure_renditions(output, wanted(output))
    assert rendered == [1, 1]


def test_other_recipe_is_another_rendition(output):
    first = ensure_renditions(output, wanted(output))
    output.description = "A hedge"
    assert set(ensure_renditions(output, wanted(output))).isdisjoint(first)


def test_equal_images_share_a_file(output):
    twin = put_output(hero_of(output.post))
    rows = [ensure_renditions(one, wanted(one))[0] for one in (output, twin)]
    assert rows[0].path == rows[1].path
    assert len(files()) == 2


def test_lost_file_is_made_again(output, rendered):
    row = ensure_renditions(output, wanted(output))[0]
    storages["originals"].delete(row.path)
    ensure_renditions(output, wanted(output))
    assert rendered == [2, 1] and len(files()) == 2


@pytest.mark.parametrize("damage", ["change", "delete"])
def test_nothing_is_made_from_an_original_that_is_not_what_was_stored(output, damage):
    path = storages["originals"].path(output.path)
    if damage == "delete":
        os.unlink(path)
    else:
        with open(path, "r+b") as file:
            file.write(b"\0")
    with pytest.raises(StorageProblem):
        ensure_renditions(output, wanted(output))
    assert files() == [] and not Rendition.objects.exclude(made_at=None).exists()


@pytest.mark.parametrize("error", [ValueError("alt"), OSError(28, "No space left on device")])
def test_failure_tells_why_and_lets_the_next_try_at_once(output, monkeypatch, error):
    def fail(*args, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(imaging, "render", fail)
        with pytest.raises(StorageProblem, match="rendition"):
            ensure_renditions(output, wanted(output))
    assert len(ensure_renditions(output, wanted(output))) == 2


def test_nothing_of_the_work_stays_in_the_spool(output, settings):
    ensure_renditions(output, wanted(output))
    assert os.listdir(settings.SPOOL_DIR) == []


# --- One maker at a time ----------------------------------------------------------------


def claimed_by_another(output: ImageOutput, since: float) -> None:
    for recipe in wanted(output):
        row = Rendition(output=output, recipe=recipe, recipe_hash=recipes.recipe_hash(recipe))
        row.save()
    then = timezone.now() - timedelta(seconds=since)
    Rendition.objects.update(claimed_at=then)


def test_others_wait_for_a_moment_and_give_up(output, monkeypatch, rendered):
    monkeypatch.setattr(renditions, "PATIENCE", 0.05)
    claimed_by_another(output, since=1)
    with pytest.raises(BeingMade):
        ensure_renditions(output, wanted(output))
    assert rendered == []


def test_claim_of_a_maker_that_was_stopped_is_taken_over(output, rendered):
    claimed_by_another(output, since=1000)
    ensure_renditions(output, wanted(output))
    assert rendered == [2]


def test_waiting_ends_with_the_others_work(output, monkeypatch, rendered):
    made = {row.pk: row.made_at for row in ensure_renditions(output, wanted(output))}
    Rendition.objects.update(made_at=None, claimed_at=timezone.now())

    def finish(seconds):
        for pk, made_at in made.items():
            Rendition.objects.filter(pk=pk).update(made_at=made_at)

    clock = SimpleNamespace(sleep=finish, monotonic=time.monotonic)
    monkeypatch.setattr(renditions, "time", clock)
    assert {row.pk for row in ensure_renditions(output, wanted(output))} == set(made)
    assert rendered == [2]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_make_each_file_once(output, rendered):
    together, got, faults = threading.Barrier(4), [], []

    def ask():
        try:
            together.wait(5)
            got.append([row.pk for row in ensure_renditions(output, wanted(output))])
        except Exception as fault:  # noqa: BLE001 - shown by the test
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sum(rendered) == 2
    assert len(got) == 4 and all(rows == got[0] for rows in got)


# --- Stops ------------------------------------------------------------------------------


class Stop(BaseException):
    """The process ends here: nothing that tidies up after errors may run for it."""


@pytest.mark.parametrize("point", ["_render", "_keep", "save_file"])
def test_a_stop_anywhere_heals_once_the_claim_has_run_out(output, monkeypatch, point):
    def stop(*args):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(renditions, point, stop)
        with pytest.raises(Stop):
            ensure_renditions(output, wanted(output))
    monkeypatch.setattr(renditions, "CLAIM", timedelta(0))
    rows = ensure_renditions(output, wanted(output))
    assert files() == sorted(os.path.basename(row.path) for row in rows)


def test_a_stop_between_storing_and_booking_leaves_no_file_without_a_row(output, monkeypatch):
    def stop(*args):
        real(*args)
        raise Stop

    real = renditions.save_file
    with monkeypatch.context() as patch:
        patch.setattr(renditions, "save_file", stop)
        with pytest.raises(Stop):
            ensure_renditions(output, wanted(output))
    (name,) = files()
    assert Rendition.objects.get(path__endswith=name).made_at is None


def test_maker_that_was_overtaken_leaves_no_file_of_its_own(output, monkeypatch):
    real = renditions.save_file

    def save(storage, name, source, digest):
        real(storage, name, source, digest)
        Rendition.objects.filter(path=name).update(path="renditions/aa/other.jpg")

    monkeypatch.setattr(renditions, "save_file", save)
    monkeypatch.setattr(renditions, "PATIENCE", 0)
    with pytest.raises(BeingMade):
        ensure_renditions(output, wanted(output))
    assert files() == []


# --- Letting go -------------------------------------------------------------------------


def age() -> None:
    Rendition.objects.update(claimed_at=timezone.now() - timedelta(days=2))


def test_unused_renditions_go_with_their_files(output):
    ensure_renditions(output, wanted(output))
    assert renditions.forget_unused() == 0
    age()
    assert renditions.forget_unused() == 2
    assert files() == [] and not Rendition.objects.exists()


def test_rendition_that_was_asked_for_again_stays(output):
    ensure_renditions(output, wanted(output))
    age()
    ensure_renditions(output, wanted(output))
    assert renditions.forget_unused() == 0


def test_rendition_in_service_stays(output):
    row = ensure_renditions(output, wanted(output))[0]
    PublicCopy.objects.create(
        output=output, slot=output.slot, rendition=row, purpose="web", path="x",
        width=1, height=1, byte_size=1,
    )  # fmt: skip
    age()
    assert renditions.forget_unused() == 1
    assert files() == [os.path.basename(row.path)]


def test_shared_file_stays_for_the_other_image(output):
    twin = put_output(hero_of(output.post))
    for one in (output, twin):
        ensure_renditions(one, wanted(one))
    renditions.forget(Rendition.objects.filter(output=output))
    assert len(files()) == 2


def test_the_real_pool_renders(output, monkeypatch):
    monkeypatch.undo()
    assert ensure_renditions(output, wanted(output)[1:])[0].format == "JPEG"
