"""The command `generate_images`: which places, what it says, how it ends."""

import json

import pytest
from django.core.management import CommandError, call_command

from imagegen.management import waiting
from imagegen.models import GenerationBatch, GenerationJob, ImageOutput, ImageSlot
from imagegen.services import engine
from imagegen.tests.factories import hero_of, make_post, make_stub
from prompts.models import ImagePromptExample, ImageSetting, ImageStyle
from providers.models import Connection, ImageModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def post():
    return make_post()


@pytest.fixture
def stub(tmp_path):
    return make_stub(tmp_path, price="0.04")


@pytest.fixture
def generate(capsys, stub):
    """Runs the command with the stub; returns the exit code, the printed text, the object."""

    def run(*words: str, provider: str = "stub") -> tuple[int, str, dict]:
        code = 0
        arguments = [*words, "--provider", provider] if provider else [*words]
        try:
            call_command("generate_images", *arguments)
        except SystemExit as end:
            code = end.code
        except CommandError as error:
            return error.returncode, str(error), {}
        out = capsys.readouterr().out
        report = json.loads(out.strip().splitlines()[-1]) if "--json" in words else {}
        return code, out, report

    return run


def roles_asked() -> list[str]:
    return list(GenerationJob.objects.order_by("position").values_list("role", flat=True))


def test_hero_and_sections_are_asked_for(generate, post):
    generate("--post", post.slug)
    assert roles_asked() == ["hero", "section", "section"]


def test_post_can_be_named_by_its_number(generate, post):
    generate("--post", str(post.pk), "--slots", "hero")
    assert roles_asked() == ["hero"]


def test_card_is_asked_for_only_by_name(generate, post):
    generate("--all", "--slots", "social")
    assert roles_asked() == ["social"]
    assert not post.slots.get(role="social").from_hero


def test_not_wanted_place_is_not_paid_for(generate, post):
    ImageSlot.objects.filter(role="hero").update(wanted=False, wanted_by="hand")
    generate("--all")
    assert roles_asked() == ["section", "section"]


def test_named_style_is_used(generate, post):
    style = ImageStyle.objects.order_by("pk").last()
    generate("--all", "--slots", "hero", "--style", style.slug)
    assert GenerationJob.objects.get().style_name == style.name


def test_named_setting_is_used(generate, post):
    setting = ImageSetting.objects.filter(model__connection__kind="studio").last()
    generate("--all", "--slots", "hero", "--setting", setting.slug, provider="")
    assert GenerationJob.objects.get().setting == setting


def test_named_example_is_used(generate, post):
    example = ImagePromptExample.objects.create(
        name="A lighthouse", slug="a-lighthouse", description="A lighthouse at dusk"
    )
    generate("--all", "--slots", "hero", "--example", example.slug)
    assert "A lighthouse at dusk" in GenerationJob.objects.get().prompt.text


def test_limit_holds(generate, post):
    generate("--all", "--limit", "2")
    assert len(roles_asked()) == 2


def test_only_missing_skips_places_with_candidates(generate, post):
    generate("--all", "--slots", "hero")
    engine.work()
    generate("--all", "--only-missing")
    assert roles_asked().count("hero") == 1


def test_only_missing_skips_places_with_a_job_under_way(generate, post):
    generate("--all", "--slots", "hero")
    generate("--all", "--only-missing")
    assert roles_asked().count("hero") == 1


def test_only_failed_asks_again_where_the_last_try_failed(generate, post, stub):
    stub.options["behaviour"] = "auth"
    stub.save()
    generate("--all", "--slots", "hero")
    engine.work()
    generate("--all", "--only-failed")
    assert roles_asked() == ["hero", "hero"]


def test_dry_run_tells_count_and_cost_and_changes_nothing(generate, post):
    code, out, _ = generate("--all", "--dry-run")
    assert (code, GenerationBatch.objects.count()) == (0, 0)
    assert "3 pictures in 1 post, $0.12" in out


def test_json_is_one_object_with_the_named_keys(generate, post):
    _, _, report = generate("--all", "--dry-run", "--json")
    named = {"wanted", "queued", "stored", "failed", "refused", "unknown", "cost"}
    assert named <= set(report) and set(report["cost"]) == {"low", "high", "actual"}
    assert (report["wanted"], report["queued"], report["cost"]["high"]) == (3, 0, "0.12")


def test_nothing_to_do_is_a_success(generate, post):
    ImageSlot.objects.update(wanted=False, wanted_by="hand")
    code, out, _ = generate("--all")
    assert code == 0 and "nothing to do" in out


def test_no_posts_points_to_the_import(generate):
    assert "import_posts" in generate("--all")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Say which posts"),
        (["--post", "nowhere"], "no post “nowhere”"),
        (["--all", "--slots", "footer"], "no place “footer”"),
        (["--all", "--style", "cubist-nonsense"], "no style “cubist-nonsense”"),
        (["--all", "--example", "x"], "no example “x”"),
        (["--all", "--setting", "x"], "no setting “x”"),
        (["--all", "--max-cost", "much"], "--max-cost must be an amount"),
        (["--all", "--max-cost", "-1"], "zero or more"),
        (["--all", "--max-cost", "NaN"], "zero or more"),
        (["--all", "--max-cost", "1e999999"], "below 1,000,000"),
        (["--all", "--limit", "0"], "at least 1"),
        (["--all", "--post", "a"], "not both"),
    ],
)
def test_wrong_word_is_answered_with_a_sentence_and_code_2(generate, post, words, sentence):
    code, text, _ = generate(*words)
    assert code == 2 and sentence in text
    assert not GenerationBatch.objects.exists()


def test_one_model_of_a_provider_is_taken_by_name(generate, post, stub):
    ImageModel.objects.create(connection=stub, name="stub-2", price_rule={"kind": "free"})
    generate("--all", "--slots", "hero", "--model", "stub:stub-2", provider="")
    assert GenerationJob.objects.get().model_name == "stub-2"


def test_unknown_model_names_the_known_ones(generate, post):
    code, text, _ = generate("--all", "--model", "stub:stub-9", provider="")
    assert code == 2 and "studio:patterns" in text


def test_model_of_a_provider_that_is_off_is_told_as_such(generate, post, stub):
    ImageModel.objects.create(connection=stub, name="stub-2", price_rule={"kind": "free"})
    Connection.objects.filter(pk=stub.pk).update(enabled=False)
    code, text, _ = generate("--all", "--model", "stub:stub-2", provider="")
    assert code == 2 and "is switched off" in text


def test_unknown_provider_names_the_known_ones(generate, post):
    code, text, _ = generate("--all", provider="dalle")
    assert code == 2 and "Known: " in text and "studio" in text


def test_error_with_json_is_an_object_too(generate, post):
    code, _, report = generate("--all", "--json", provider="dalle")
    assert code == 2 and "dalle" in report["error"] and report["queued"] == 0


def test_max_cost_becomes_the_cap(generate, post):
    generate("--all", "--max-cost", "0.05")
    engine.work()
    batch = GenerationBatch.objects.get()
    assert batch.spent <= batch.cap and batch.jobs.filter(state="stored").count() == 1


@pytest.mark.django_db(transaction=True)
def test_wait_does_the_work_where_no_worker_reports(generate):
    post = make_post()
    code, out, report = generate("--post", post.slug, "--wait", "--json")
    assert (code, report["stored"], report["cost"]["actual"]) == (0, 3, "0.12")
    assert ImageOutput.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_wait_tells_what_failed_and_ends_with_1(generate, stub):
    stub.options["behaviour"] = "refuse"
    stub.save()
    make_post()
    code, out, report = generate("--all", "--wait", "--json")
    assert (code, report["refused"]) == (1, 3)


@pytest.mark.django_db(transaction=True)
def test_many_failures_are_named_in_part(generate, stub, monkeypatch):
    monkeypatch.setattr(waiting, "NAMED", 1)
    stub.options["behaviour"] = "refuse"
    stub.save()
    make_post()
    assert "… and 2 more." in generate("--all", "--wait")[1]


@pytest.mark.django_db(transaction=True)
def test_approved_on_arrival_is_published_before_the_command_ends(generate, monkeypatch):
    monkeypatch.setattr("imagegen.services.sweeper.EVERY", 0.2)
    post = make_post(published=True)
    code, _, _ = generate("--all", "--slots", "hero", "--approve", "--wait")
    assert code == 0 and hero_of(post).copies.exists()


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_when_the_provider_is_switched_off(generate, stub, monkeypatch):
    from imagegen.services import queue

    make_post()
    stub_type = type(stub)
    original = queue.claim_job

    def switch_off(**words):
        stub_type.objects.update(enabled=False)
        return original(**words)

    monkeypatch.setattr(queue, "claim_job", switch_off)
    code, out, _ = generate("--all", "--wait")
    assert "switched off or paused" in out and code == 1


@pytest.mark.django_db(transaction=True)
def test_terminal_shows_a_bar_that_fills(generate, monkeypatch):
    from imagegen.management.commands.generate_images import Command

    monkeypatch.setattr(Command, "is_terminal", lambda self: True)
    make_post()
    _, out, _ = generate("--all", "--wait")
    assert "█" * 28 in out and "3 of 3" in out


@pytest.mark.django_db(transaction=True)
def test_worker_elsewhere_is_left_to_do_the_work(generate, monkeypatch):
    from imagegen.services import workers

    post = make_post()
    present = iter([True, True])
    monkeypatch.setattr(workers, "worker_is_present", lambda: next(present, False))
    _, out, _ = generate("--post", post.slug, "--slots", "hero", "--wait")
    assert "this command does the work itself" in out  # but only once the worker was gone
    assert next(present, None) is None
