"""The command `check_provider`: health, features, and a real picture on request."""

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from imagegen.management.commands.check_provider import Command
from imagegen.models import GenerationBatch, ImageOutput
from imagegen.tests.factories import make_stub
from providers.models import Connection, ImageModel
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def check(capsys):
    def run(*words):
        call_command("check_provider", *words)
        return capsys.readouterr().out

    return run


def test_check_provider_tells_health_and_features(check):
    text = check("studio")
    assert "Studio (studio)" in text
    assert "configured     yes" in text
    assert [line.split()[-1] for line in text.splitlines() if "  seed" in line] == ["yes"]


def test_check_provider_puts_models_side_by_side(check):
    lines = check("studio").splitlines()
    assert next(line.split() for line in lines if "covers" in line) == ["covers", "patterns"]


def test_table_too_wide_for_columns_names_the_models_that_differ(check):
    connection = make_connection()
    for number in range(6):
        limits = {"max_side": 2048 if number else 1024}
        make_model(connection, name=f"a-model-with-a-long-name-{number}", capabilities=limits)
    lines = check("far").splitlines()
    assert max(map(len, lines)) < 250
    assert "16 to 1024 pixels a side  [a-model-with-a-long-name-0]" in "\n".join(lines)
    assert sum("negative_prompt" in line for line in lines) == 1


def test_unknown_provider_names_the_known_ones(check):
    with pytest.raises(CommandError, match='no provider "magic".*studio'):
        check("magic")


def test_missing_secret_is_named(check, capsys):
    make_connection(secret_name="FAR_KEY")
    with pytest.raises(CommandError, match="far cannot be used"):
        check("far")
    assert "FAR_KEY" in capsys.readouterr().out


def test_after_a_failure_the_rest_is_not_looked_at(check, capsys):
    make_connection(options={"behaviour": "auth"})
    with pytest.raises(CommandError):
        check("far")
    text = capsys.readouterr().out
    assert "authenticated  NO   The secret is not accepted." in text
    assert "proven         -    Never yet run against the real service." in text


def test_disabled_and_empty_connection_is_told(check):
    make_connection(enabled=False)
    text = check("far")
    assert "It is disabled." in text
    assert "no enabled models" in text


def test_unreadable_catalogue_row_is_told(check):
    make_model(make_connection(), capabilities={"wings": 2})
    with pytest.raises(CommandError, match="wings"):
        check("far")


def test_connection_without_a_success_says_so(check):
    make_connection()
    assert "Never yet run against the real service." in check("far")


def test_text_models_are_named_and_not_tabled(check):
    make_model(make_connection(), name="words-1", purpose=ImageModel.Purpose.TEXT)
    text = check("far")
    assert "writes prompts     words-1" in text and "no enabled models for pictures" in text


# --- A real picture ---------------------------------------------------------------------


@pytest.fixture
def live(tmp_path, capsys):
    """Makes a stub that behaves so, checks it with `--live`; returns (exit code, text)."""

    def run(*words, behaviour="ok", price="0.04", **options):
        make_stub(tmp_path, price=price, behaviour=behaviour, **options)
        try:
            call_command("check_provider", "stub", "--live", *words)
        except CommandError as error:
            return error.returncode, capsys.readouterr().out + str(error)
        return 0, capsys.readouterr().out

    return run


@pytest.mark.django_db(transaction=True)
def test_live_check_makes_a_picture_the_whole_way(live):
    code, text = live("--yes")
    output = ImageOutput.objects.get()
    assert code == 0 and storages["originals"].exists(output.path)
    assert "One picture of 512x512, quality low by stub-1: $0.04." in text
    assert all(word in text for word in (output.path, "$0.04", " s\n", "request id"))


@pytest.mark.django_db(transaction=True)
def test_live_check_proves_the_connection(live, check):
    live(price=None)
    assert "A real call succeeded" in check("stub")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("behaviour", "told"), [("refuse", "refused"), ("cut_after", "$0.04 in doubt")]
)
def test_live_check_that_fails_says_why_and_ends_with_1(live, behaviour, told):
    code, text = live("--yes", behaviour=behaviour)
    assert code == 1 and told in text and "There is no picture" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--yes", "--max-cost", "0.03"), "more than $0.03"),
        ((), "say --yes"),
        (("--yes", "--model", "none-such"), "Known: stub-1"),
        (("--max-cost", "much"), "must be an amount"),
    ],
)
def test_nothing_is_asked_for_unless_it_is_sure(live, words, told):
    code, text = live(*words)
    assert (code, GenerationBatch.objects.count()) == (1, 0) and told in text


@pytest.mark.parametrize("answer", ["", "n", "no"])
def test_person_at_a_terminal_is_asked(live, monkeypatch, answer):
    monkeypatch.setattr(Command, "_can_ask", lambda self: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert live()[0] == 1
    assert not GenerationBatch.objects.exists()


def test_sick_provider_is_not_asked_for_a_picture(live):
    code, _ = live("--yes", behaviour="auth")
    assert (code, GenerationBatch.objects.count()) == (1, 0)


def test_disabled_provider_is_not_asked_for_a_picture(tmp_path):
    make_stub(tmp_path)
    Connection.objects.update(enabled=False)
    with pytest.raises(CommandError, match="switched off"):
        call_command("check_provider", "stub", "--live", "--yes")
