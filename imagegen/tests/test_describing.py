"""Alt texts drafted by a vision model: what it sees, what it costs, and that a person decides."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from imagegen.errors import NotPermitted, Refused
from imagegen.models import AltDraft, Attempt, ConnectionMonth, SlotAlt
from imagegen.services import alts, describing, engine
from imagegen.services.review import approve_output
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub
from imagegen.tests.rows import make_output
from imagegen.tests.test_drafting import model, service  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def output(model, service, tmp_path):  # noqa: F811 - fixtures
    """A candidate of a model that says nothing of what it drew."""
    service.written = {"alt": "A lighthouse above a foggy bay"}
    slot = hero_of(make_post(language="de"))
    make_batch([slot], make_stub(tmp_path))
    engine.work()
    output = slot.outputs.get()
    output.description = ""
    output.save(update_fields=["description"])
    return output


def draft(output, user=None, **more):
    plan = describing.plan_describing(outputs=[output])
    describing.create_describing(plan=plan, user=user, door="admin", **more)
    engine.work()
    return AltDraft.objects.get(output=output)


def test_model_drafts_an_alt_text_in_the_posts_language(output, service):  # noqa: F811
    written = draft(output)
    assert (written.text, written.language) == ("A lighthouse above a foggy bay", "de")
    assert 'whose code is \\"de\\"' in service.requests[-1].body.decode()


def test_model_sees_the_picture_and_never_the_prompt(output, service):  # noqa: F811
    draft(output)
    body = service.requests[-1].body.decode()
    assert "data:image/jpeg;base64," in body
    assert output.prompt_text not in body


def test_attempt_keeps_no_picture_and_no_path(output, settings):
    draft(output)
    attempt = Attempt.objects.get(job__kind="alt")
    assert "base64" not in str(attempt.sent)
    assert str(settings.DATA_DIR) not in str(attempt.job.request)


def test_call_is_booked_under_the_caps(output):
    draft(output)
    attempt = Attempt.objects.get(job__kind="alt")
    assert attempt.state == "stored"
    assert ConnectionMonth.objects.get(connection__name="writer").spent == attempt.cost > 0


def test_cap_that_is_reached_stops_the_call(output, service):  # noqa: F811
    draft(output, cap=Decimal("0.000001"))
    assert service.ledger == []


def test_draft_counts_only_once_a_person_takes_it_over(output, editor):
    written = draft(output)
    assert not SlotAlt.objects.exists()
    approve_output(output=output, user=editor, alt=written.text)
    alt = SlotAlt.objects.get()
    assert (alt.text, alt.source, alt.accepted_by) == (written.text, "model", editor)


def test_changed_draft_is_the_persons_own(output, editor):
    draft(output)
    approve_output(output=output, user=editor, alt="A lighthouse")
    assert SlotAlt.objects.get().source == "human"


def test_empty_answer_is_paid_and_failed(output, service):  # noqa: F811
    service.written = {"alt": ""}
    draft(output)
    attempt = Attempt.objects.get(job__kind="alt")
    assert (attempt.state, attempt.job.state) == ("charged", "failed")
    assert 0 < attempt.cost < attempt.estimate  # by its usage


def test_picture_that_is_gone_is_not_asked_about(output, service):  # noqa: F811
    plan = describing.plan_describing(outputs=[output])
    describing.create_describing(plan=plan, user=None, door="admin")
    AltDraft.objects.all().delete()
    output.delete()
    engine.work()
    attempt = Attempt.objects.get(job__kind="alt")
    assert (attempt.job.state, service.ledger) == ("failed", [])
    assert "removed" in attempt.error["message"]


def test_picture_without_a_place_is_refused(output):
    output.slot = None
    plan = describing.plan_describing(outputs=[output])
    assert "no place of a post" in plan.problems[0].message


def test_stranger_may_not_ask(output, stranger):
    plan = describing.plan_describing(outputs=[output])
    with pytest.raises(NotPermitted):
        describing.create_describing(plan=plan, user=stranger, door="admin")


def test_nothing_to_describe_is_told(output):
    plan = describing.plan_describing(outputs=[])
    with pytest.raises(Refused, match="nothing to describe"):
        describing.create_describing(plan=plan, user=None, door="admin")


def test_page_looks_again_until_the_draft_is_there(client, output, editor):
    client.force_login(editor)
    plan = describing.plan_describing(outputs=[output])
    describing.create_describing(plan=plan, user=None, door="admin")
    waiting = client.get(f"{page_of(output)}/change/").text
    engine.work()
    assert "data-follow" in waiting
    assert "data-follow" not in client.get(f"{page_of(output)}/change/").text


def test_cancel_of_a_page_is_of_its_own_draft(client, output, editor):
    client.force_login(editor)
    plan = describing.plan_describing(outputs=[output])
    describing.create_describing(plan=plan, user=None, door="admin")
    page, job = client.get(f"{page_of(output)}/change/").text, output.alt_drafts.get().job
    form = page[page.index('action="/admin/imagegen/generationjob/"') :]
    assert f'name="_selected_action" value="{job.pk}"' in form and 'value="cancel"' in form


def test_described_pictures_are_not_asked_about_again(output):
    assert describing.undescribed([output]) == [output]
    draft(output)
    assert describing.undescribed([output]) == []


def page_of(output):
    return f"/admin/imagegen/imageoutput/{output.pk}"


def test_page_asks_at_the_price_that_was_seen(client, output, editor):
    client.force_login(editor)
    offer = client.get(f"{page_of(output)}/change/").context["alt_offer"]
    client.post(f"{page_of(output)}/describe/", {"seen_cost": "nothing"})
    assert not AltDraft.objects.exists()
    client.post(f"{page_of(output)}/describe/", {"seen_cost": offer["cost"]})
    assert AltDraft.objects.get().job.state == "queued"


def test_page_offers_the_draft_to_be_taken_over(client, output, editor):
    draft(output)
    client.force_login(editor)
    page = client.get(f"{page_of(output)}/change/")
    assert page.context["approve_form"].initial["alt"] == "A lighthouse above a foggy bay"
    assert "Drafted by gpt-5-mini" in page.content.decode()


def test_draft_of_a_decoration_is_at_hand_should_somebody_want_it():
    slot = make_post().slots.get(role="section", section_heading="Tools")
    pattern = make_output(slot, digital_source_type="algorithmicMedia")
    assert alts.first_words(pattern, slot) == ("", True)
    AltDraft.objects.create(output=pattern, slot=slot, language="en", text="Ribbons")
    assert alts.first_words(pattern, slot) == ("Ribbons", True)


def test_asking_needs_a_post_and_the_permission(client, output, editor, stranger):
    client.force_login(editor)
    assert client.get(f"{page_of(output)}/describe/").status_code == 405
    client.force_login(stranger)
    assert client.post(f"{page_of(output)}/describe/").status_code in (302, 403)
    assert not AltDraft.objects.exists()


def test_action_asks_for_those_without_words(client, output, editor):
    client.force_login(editor)
    fields = {"action": "describe", "_selected_action": [output.pk]}
    client.post("/admin/imagegen/imageoutput/", fields)
    client.post("/admin/imagegen/imageoutput/", fields)
    assert AltDraft.objects.count() == 1


def test_action_is_not_offered_to_those_who_may_not_ask(client, output, reviewer):
    client.force_login(reviewer)
    page = client.get("/admin/imagegen/imageoutput/").content.decode()
    assert "approve_selected" in page and "Draft alt texts" not in page


@pytest.mark.django_db(transaction=True)
def test_command_drafts_and_tells(output):
    out = StringIO()
    call_command("write_alts", "--all", stdout=out)
    assert "A lighthouse above a foggy bay" in out.getvalue()


def test_pattern_in_a_section_is_decoration_unless_somebody_says_otherwise(editor):
    slot = make_post().slots.get(role="section", section_heading="Tools")
    outputs = [make_output(slot, digital_source_type="algorithmicMedia") for _ in range(2)]
    approve_output(output=outputs[0], user=editor)
    approve_output(output=outputs[1], user=editor, alt="Ribbons")
    found = SlotAlt.objects.order_by("output_id")
    assert [(alt.decorative, alt.text) for alt in found] == [(True, ""), (False, "Ribbons")]


def test_key_asked_for_at_the_same_time_gives_one_batch(output, monkeypatch):
    asked = {"user": None, "door": "admin", "idempotency_key": "k"}
    plan = describing.plan_describing(outputs=[output])
    first = describing.create_describing(plan=plan, **asked)
    answers = iter([None, first])
    monkeypatch.setattr("imagegen.services.asking.find_batch", lambda key: next(answers))
    assert describing.create_describing(plan=plan, **asked) == first
    assert AltDraft.objects.count() == 1
