from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.utils import timezone

from providers import registry, syncing
from providers.backends.stub import StubProvider
from providers.catalogue import Catalogue, CatalogueModel
from providers.errors import ProviderUnavailable
from providers.models import Connection, ImageModel
from providers.syncing import connect_found_keys, sync_connection
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db
PRICE = {"kind": "per_image", "amount": "0.04", "date": "2026-11-21", "source": "x"}


def model(name="a", **fields):
    return CatalogueModel(name=name, **{"label": name.upper(), "price_rule": PRICE, **fields})


@pytest.fixture
def listed(monkeypatch):
    """Sets what the project's file says of the stub."""

    def set_(*models, currency="USD"):
        catalogue = Catalogue(kind="stub", currency=currency, models=models)
        files = {"stub": catalogue}
        monkeypatch.setattr(syncing, "read_catalogue", files.get)

    set_()
    return set_


@pytest.fixture
def offered(monkeypatch):
    """Sets what the stub's service offers, or the error that it answers with."""

    def set_(*entries):
        def discover(self):
            if entries and isinstance(entries[0], Exception):
                raise entries[0]
            return list(entries)

        monkeypatch.setattr(StubProvider, "discover", discover)

    set_()
    return set_


@pytest.fixture
def far(listed, offered):
    return make_connection()


def row(name="a"):
    return ImageModel.objects.get(connection__name="far", name=name)


def days_from_now(days):
    return timezone.localdate() + timedelta(days=days)


# --- The project's file -----------------------------------------------------------------


def test_listed_model_is_added_with_its_values(far, listed):
    listed(model(is_default=True, capabilities={"max_side": 99}, successor="b"))
    report = sync_connection(connection=far)
    assert (row().label, row().capabilities, row().price_rule) == ("A", {"max_side": 99}, PRICE)
    assert (row().origin, row().enabled, row().is_default) == ("catalogue", True, True)
    assert report.lines == ["a added"]


def test_default_that_somebody_chose_stays(far, listed):
    make_model(far, "mine", is_default=True)
    listed(model(is_default=True), model("w", purpose="text", is_default=True))
    sync_connection(connection=far)
    defaults = ImageModel.objects.filter(connection=far, is_default=True)
    assert {each.name for each in defaults} == {"mine", "w"}


def test_second_run_changes_nothing(far, listed):
    listed(model(shutdown_at=days_from_now(90)))
    sync_connection(connection=far)
    report = sync_connection(connection=far)
    assert report.summary == "everything is as it was"


def test_newer_figures_reach_an_untouched_row(far, listed):
    listed(model())
    sync_connection(connection=far)
    listed(model(price_rule={**PRICE, "amount": "0.05"}))
    report = sync_connection(connection=far)
    assert row().price_rule["amount"] == "0.05"
    assert report.lines == ["a changed: price_rule"]


def test_what_is_a_persons_alone_is_never_written(far, listed):
    listed(model(is_default=True))
    sync_connection(connection=far)
    ImageModel.objects.filter(name="a").update(enabled=False, is_default=False)
    listed(model(is_default=True, label="New"))
    sync_connection(connection=far)
    assert (row().label, row().enabled, row().is_default) == ("New", False, False)


def test_row_that_was_edited_is_left_alone_and_told(far, listed):
    listed(model())
    sync_connection(connection=far)
    ImageModel.objects.filter(name="a").update(label="Mine")
    listed(model(price_rule={**PRICE, "amount": "0.05"}))
    report = sync_connection(connection=far)
    assert (row().label, row().price_rule["amount"]) == ("Mine", "0.04")
    text = "a was edited by hand and is left alone; it differs in label, price_rule"
    assert report.lines == [text]


def test_row_that_was_entered_keeps_its_values_and_gets_its_end(far, listed):
    make_model(far, "a", label="Mine")
    end = days_from_now(9)
    listed(model(shutdown_at=end, successor="b"))
    report = sync_connection(connection=far)
    assert (row().label, row().shutdown_at, row().successor) == ("Mine", end, "b")
    assert report.lines[0].endswith("the day of its end was filled in")
    assert report.lines[1] == f"a ends on {end}, in 9 days; use b"


def test_end_that_was_entered_by_hand_stays(far, listed):
    make_model(far, "a", label="Mine", shutdown_at=days_from_now(5))
    listed(model(shutdown_at=days_from_now(9)))
    sync_connection(connection=far)
    assert row().shutdown_at == days_from_now(5)


@pytest.mark.parametrize(("days", "enabled"), [(-1, False), (0, False), (60, False), (61, True)])
def test_model_that_ends_soon_is_not_taken_up(far, listed, days, enabled):
    listed(model(shutdown_at=days_from_now(days), is_default=True))
    sync_connection(connection=far)
    assert (row().enabled, row().is_default) == (enabled, enabled)


def test_end_is_told_where_a_row_is_still_on(far, listed):
    end = days_from_now(-3)
    make_model(far, "a", label="A", price_rule=PRICE, shutdown_at=end)
    listed(model(shutdown_at=end))
    assert sync_connection(connection=far).lines == [f"a ended on {end}"]


def test_prices_of_another_currency_are_left_out(far, listed):
    listed(model(), currency="EUR")
    report = sync_connection(connection=far)
    assert row().price_rule == {}
    assert "prices are in EUR and this site counts in USD" in report.lines[0]


def test_dry_run_writes_nothing(far, listed):
    make_model(far, "b")
    listed(model(), model("b", shutdown_at=days_from_now(9)))
    report = sync_connection(connection=far, dry_run=True)
    assert report.counts["added"] == 1
    assert not ImageModel.objects.filter(name="a").exists()
    assert row("b").shutdown_at is None


# --- The service ------------------------------------------------------------------------


def test_discovered_model_of_a_free_kind_is_on(far, offered):
    offered({"name": "x", "label": "X", "capabilities": {"max_side": 9}})
    sync_connection(connection=far)
    assert (row("x").origin, row("x").enabled) == ("discovered", True)
    assert row("x").price_rule == {"kind": "free"}


def test_label_of_a_service_is_one_plain_line(far, offered):
    offered({"name": "x", "label": "A\x00\nB" + "b" * 400})
    sync_connection(connection=far)
    assert row("x").label.startswith("A B") and len(row("x").label) == 200


def test_choices_of_a_service_can_be_stored_anywhere(far, offered):
    offered({"name": "x", "capabilities": {"choices": {"sampler": ("a\x00b",)}}})
    sync_connection(connection=far)
    assert row("x").capabilities == {"choices": {"sampler": ["ab"]}}


def test_what_a_service_does_not_tell_stays(far, offered):
    make_model(far, "x", label="Mine", price_rule=PRICE, capabilities={"max_side": 9})
    offered({"name": "x", "label": "x", "price_rule": PRICE})
    report = sync_connection(connection=far)
    assert (report.lines, row("x").label) == ([], "Mine")
    assert row("x").capabilities == {"max_side": 9}


def test_hundreds_of_unpriced_models_are_counted_and_not_added(far, offered, monkeypatch):
    monkeypatch.setattr(StubProvider, "charges", True)
    many = [{"name": f"m{number}", "purpose": "text"} for number in range(41)]
    offered(*many, {"name": "x", "price_rule": PRICE}, {"name": "y"})
    report = sync_connection(connection=far)
    assert {each.name for each in far.models.all()} == {"x", "y"}
    assert report.lines[0].startswith("41 models for texts of unknown price are offered besides")


@pytest.mark.parametrize(("price", "enabled"), [({}, False), (PRICE, True)])
def test_discovered_model_that_costs_is_on_only_with_a_price(
    far, offered, monkeypatch, price, enabled
):
    monkeypatch.setattr(StubProvider, "charges", True)
    offered({"name": "x", "price_rule": price, "purpose": "text"})
    sync_connection(connection=far)
    assert (row("x").enabled, row("x").purpose) == (enabled, "text")


def test_capabilities_that_the_adapter_knows_are_not_stored(far, offered):
    known = StubProvider(far.config()).capabilities("x").to_dict()
    offered({"name": "x", "capabilities": {**known, "max_side": 9}})
    sync_connection(connection=far)
    assert row("x").capabilities == {"max_side": 9}


def test_studio_is_as_it_was_installed():
    report = sync_connection(connection=Connection.objects.get(name="studio"))
    assert (report.lines, report.problems) == ([], [])


def test_the_service_knows_best_when_it_ends_a_model(far, listed, offered):
    listed(model())
    offered({"name": "a", "shutdown_at": "2030-01-01", "label": "Other"})
    sync_connection(connection=far)
    assert (row().shutdown_at, row().label) == (date(2030, 1, 1), "A")


def test_vanished_model_is_told_and_kept(far, listed, offered):
    listed(model(), model("b"))
    sync_connection(connection=far)
    offered({"name": "b"})
    report = sync_connection(connection=far)
    assert report.lines == ["a is not in the list of the service"]
    assert row().enabled


def test_row_that_was_entered_never_counts_as_vanished(far, offered):
    make_model(far, "mine")
    offered({"name": "x"})
    assert sync_connection(connection=far).counts["gone"] == 0


def test_service_that_cannot_be_asked_is_a_problem_and_the_file_still_counts(far, listed, offered):
    listed(model())
    offered(ProviderUnavailable("No connection to far.", hint="Is it up?"))
    report = sync_connection(connection=far)
    assert report.problems == ["The service was not asked: No connection to far. Is it up?"]
    assert row().enabled


def test_fault_of_a_plugin_is_a_problem_without_its_text(far, offered):
    offered(KeyError("s3cret"))
    problems = sync_connection(connection=far).problems
    assert problems == ["The service was not asked: KeyError in its adapter."]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "x", "capabilities": {"wings": 2}},
        {"name": "x", "price_rule": {"kind": "per_moon"}},
        {"name": "x", "purpose": "fun"},
        {"name": "x", "shutdown_at": "soon"},
        {"name": "x", "shutdown_at": 1764000000},
        {"name": ""},
        {"name": "x\x00y"},
        {"name": "x", "shutdown_at": "\x1b[31m" + "soon" * 999},
        {"label": "X"},
        "x",
    ],
)
def test_entry_that_cannot_be_read_is_a_problem_and_the_others_go_in(far, offered, entry):
    offered(entry, {"name": "good"})
    report = sync_connection(connection=far)
    (problem,) = report.problems
    assert "cannot be read" in problem and problem.isprintable() and len(problem) <= 300
    assert [each.name for each in far.models.all()] == ["good"]


def test_offline_asks_nobody(far, offered):
    offered(ProviderUnavailable("No connection."))
    assert sync_connection(connection=far, offline=True).problems == []


# --- Keys in the environment ------------------------------------------------------------


@pytest.fixture
def key(monkeypatch):
    kind = registry.Kind("Far away", "StubProvider", "FAR_KEY")
    monkeypatch.setattr(syncing, "BUILT_IN", {"stub": kind})
    monkeypatch.setenv("FAR_KEY", "s3cret")


def test_key_makes_a_connection_that_is_off(key, listed):
    listed(model(is_default=True))
    (note,) = connect_found_keys()
    connection = Connection.objects.get(name="stub")
    assert (connection.enabled, connection.secret_name) == (False, "FAR_KEY")
    assert connection.models.get().name == "a"
    assert "FAR_KEY was found" in note and "monthly cap" in note and "s3cret" not in note


@pytest.mark.parametrize("fields", [{"name": "stub", "kind": "studio"}, {"name": "mine"}])
def test_kind_or_name_that_is_there_is_left_alone(key, listed, fields):
    make_connection(**fields)
    assert connect_found_keys() == []


def test_no_key_makes_no_connection(key, monkeypatch):
    monkeypatch.delenv("FAR_KEY")
    assert connect_found_keys() == []
    assert not Connection.objects.filter(kind="stub").exists()


def test_migration_sets_up_what_it_finds_and_says_so(key, listed, capsys):
    emit_post_migrate_signal(verbosity=1, interactive=False, db="default")
    assert "FAR_KEY was found: the provider stub is set up" in capsys.readouterr().out


# --- The command ------------------------------------------------------------------------


def test_command_tells_each_change_and_a_sum(far, listed, capsys):
    listed(model())
    call_command("sync_models", "far")
    assert capsys.readouterr().out.splitlines() == [
        "far: a added",
        "far: 1 added",
    ]


def test_command_asks_a_provider_that_is_off_only_by_name(far, offered, capsys):
    Connection.objects.filter(name="far").update(enabled=False)
    offered({"name": "x"})
    call_command("sync_models")
    assert not ImageModel.objects.filter(name="x").exists()
    call_command("sync_models", "far")
    assert row("x")


def test_command_fails_when_a_service_cannot_be_asked(far, offered, capsys):
    offered(ProviderUnavailable("No connection to far."))
    with pytest.raises(CommandError, match="Not everything could be asked: far"):
        call_command("sync_models")
    assert "No connection to far." in capsys.readouterr().err


def test_command_names_the_known_providers(far):
    with pytest.raises(CommandError, match="no provider magic. Known: far, studio") as caught:
        call_command("sync_models", "magic")
    assert caught.value.returncode == 2


def test_dry_run_of_the_command_sets_nothing_up(key, listed, offered, capsys):
    listed(model())
    call_command("sync_models", "--dry-run")
    assert not Connection.objects.filter(kind="stub").exists()
    assert "FAR_KEY was found" in capsys.readouterr().out


def test_list_without_end_is_read_as_far_as_it_is_sensible(far, offered, monkeypatch):
    monkeypatch.setattr("providers.syncing.MOST_READ", 2)
    offered(*({"name": f"model-{number}"} for number in range(5)))
    report = sync_connection(connection=far)
    assert far.models.count() == 2
    assert report.problems == ["It offers 5 models; the first 2 count."]
