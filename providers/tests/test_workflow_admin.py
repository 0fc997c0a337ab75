"""Administrators keep workflows; errors are sentences at the field, and nothing is half stored."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from providers.models import ImageModel, Workflow
from providers.tests.factories import make_connection, make_model
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.workflows import GRAPH, make_graph, make_object_info
from providers.workflow_services import save_workflow
from providers.workflows.graph import Graph

pytestmark = pytest.mark.django_db
LIST = reverse("admin:providers_workflow_changelist")
ADD = reverse("admin:providers_workflow_add")
INSTALL = reverse("admin:providers_workflow_install")


@pytest.fixture
def console(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def far():
    """A ComfyUI that is not there."""
    return make_connection(
        "far", kind="comfyui", base_url="http://127.0.0.1:9", private_network=True
    )


@pytest.fixture
def workflow(far):
    row = Workflow(connection=far, name="house", label="House", graph=GRAPH)
    save_workflow(workflow=row, ask=False)
    return row


def change(row):
    return reverse("admin:providers_workflow_change", args=[row.pk])


def form(connection, graph=GRAPH, **values):
    text = graph if isinstance(graph, str) else json.dumps(graph)
    return {"connection": connection.pk, "name": "house", "label": "House", "graph": text, **values}


def file_of(text: str):
    return SimpleUploadedFile("house.json", text.encode(), "application/json")


# --- Adding and changing ------------------------------------------------------------------


def test_pasted_graph_is_stored_with_its_model(console, far):
    console.post(ADD, form(far))
    assert Workflow.objects.get().graph == GRAPH
    assert ImageModel.objects.get(connection=far).name == "house"


def test_file_takes_the_place_of_the_text(console, far):
    other = make_graph(n3={"steps": 3})
    console.post(ADD, form(far, "no JSON", file=file_of("\ufeff" + json.dumps(other))))
    assert Workflow.objects.get().graph == other


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        ("", "Paste the graph here"),
        ("{", "Enter a valid JSON"),
        ("[1]", "a JSON object of nodes is expected"),
        ({"nodes": [], "links": []}, "Export (API)"),
        (make_graph(n6={"title": ""}), "No node is titled fp:prompt"),
        ('{"a": NaN}', "cannot be stored"),
    ],
)
def test_refused_graph_is_a_sentence_at_its_field(console, far, graph, sentence):
    answer = console.post(ADD, form(far, graph))
    assert sentence in " ".join(answer.context["adminform"].form.errors["graph"])
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "no JSON"),
        ("{}", "empty"),
        ("[" * 100_000, "no JSON"),
        (" " * 1_100_000, "too large"),
        ('{"nodes": []}', "Export (API)"),
    ],
)
def test_refused_file_is_a_sentence_at_its_field(console, far, text, sentence):
    answer = console.post(ADD, form(far, file=file_of(text)))
    assert sentence in " ".join(answer.context["adminform"].form.errors["file"])
    assert not Workflow.objects.exists()


def test_refused_text_is_shown_again(console, far):
    answer = console.post(ADD, form(far, '{"typed": '))
    assert "{&quot;typed&quot;: " in answer.content.decode()


def test_name_of_a_text_model_is_refused_at_its_field(console, far):
    make_model(far, "house", purpose="text")
    answer = console.post(ADD, form(far))
    assert "draws no pictures" in answer.context["adminform"].form.errors["name"][0]


def test_odd_name_is_refused_in_plain_words(console, far):
    answer = console.post(ADD, form(far, name="my house"))
    (sentence,) = answer.context["adminform"].form.errors["name"]
    assert sentence == "Use letters, digits, hyphens and underscores only."


def test_second_workflow_of_a_name_is_refused(console, workflow, far):
    answer = console.post(ADD, form(far))
    assert "of that name already" in answer.content.decode()


def test_only_comfyui_providers_are_offered(console, far):
    make_connection("shop")
    offered = console.get(ADD).context["adminform"].form.fields["connection"].queryset
    assert list(offered) == [far]


def test_changed_graph_is_a_new_version(console, workflow):
    console.post(change(workflow), form(workflow.connection, make_graph(n3={"steps": 3})))
    workflow.refresh_from_db()
    assert workflow.version == 2


def test_name_and_provider_stay(console, workflow):
    other = make_connection("other", kind="comfyui")
    console.post(change(workflow), form(other, name="tree", label="Tree"))
    workflow.refresh_from_db()
    assert (workflow.name, workflow.connection.name, workflow.label) == ("house", "far", "Tree")


def test_deleting_takes_the_model_away(console, workflow):
    console.post(reverse("admin:providers_workflow_delete", args=[workflow.pk]), {"post": "yes"})
    assert not ImageModel.objects.filter(name="house").exists()


def test_deleting_several_takes_their_models_away(console, workflow):
    data = {"action": "delete_selected", "_selected_action": [workflow.pk], "post": "yes"}
    console.post(LIST, data)
    assert not ImageModel.objects.filter(name="house").exists()


# --- Asking the server --------------------------------------------------------------------


def test_server_is_asked_after_the_transaction(console, far, django_capture_on_commit_callbacks):
    with FakeComfy() as comfy:
        far.base_url = comfy.url
        far.save()
        with django_capture_on_commit_callbacks() as callbacks:
            console.post(ADD, form(far))
        assert comfy.requests == []
        for callback in callbacks:
            callback()
    assert Workflow.objects.get().checked_at is not None


def test_button_asks_the_server(console, workflow):
    with FakeComfy() as comfy:
        type(workflow.connection).objects.update(base_url=comfy.url)
        url = reverse("admin:providers_workflow_check", args=[workflow.pk])
        text = console.post(url, follow=True).content.decode()
    assert "The server has all that it needs." in text


def test_button_is_no_link(console, workflow):
    url = reverse("admin:providers_workflow_check", args=[workflow.pk])
    assert console.get(url).status_code == 405


def test_action_asks_a_silent_provider_once(console, workflow, far):
    other = Workflow(connection=far, name="tree", graph=GRAPH)
    save_workflow(workflow=other, ask=False)
    data = {"action": "check_servers", "_selected_action": [workflow.pk, other.pk]}
    text = console.post(LIST, data, follow=True).content.decode()
    assert "Workflow house: The server could not be asked" in text
    assert "Workflow tree: Not asked, since the server is silent." in text


# --- What is shown ------------------------------------------------------------------------


def test_list_tells_what_the_server_lacks(console, workflow):
    assert "not asked yet" in console.get(LIST).content.decode()
    Workflow.objects.update(checked_at="2026-11-21T00:00Z", problems=["One.", "Two."])
    assert "2 things" in console.get(LIST).content.decode()


def test_page_shows_what_is_bound_and_what_is_missing(console, workflow):
    Workflow.objects.update(checked_at="2026-11-21T00:00Z", problems=["No <b>class</b>."])
    text = console.get(change(workflow)).content.decode()
    assert "Node 6 (CLIPTextEncode, titled &quot;fp:prompt&quot;), input text" in text
    assert "not bound" in text
    assert "No &lt;b&gt;class&lt;/b&gt;." in text
    assert "models/checkpoints/small.safetensors" in text


def test_many_problems_make_a_short_message(console, far):
    with FakeComfy() as comfy:
        comfy.info = make_object_info(**dict.fromkeys(Graph.parse(GRAPH).classes))
        type(far).objects.update(base_url=comfy.url)
        data = {"connection": far.pk, "names": ["sdxl"]}
        text = console.post(INSTALL, data, follow=True).content.decode()
    assert text.count("The server has no node class") == 4
    assert "more: its page names them." in text


def test_empty_list_says_what_to_do(console):
    assert "Install ready ones" in console.get(LIST).content.decode()


def test_page_bears_a_graph_that_cannot_be_read(console, workflow):
    Workflow.objects.update(graph={"nodes": []})
    assert "Export (API)" in console.get(change(workflow)).content.decode()


def test_list_asks_few_queries(console, far, django_assert_max_num_queries):
    for number in range(20):
        Workflow.objects.create(connection=far, name=f"w{number}", graph={})
    with django_assert_max_num_queries(8):
        console.get(LIST)


# --- Ready workflows ----------------------------------------------------------------------


def test_install_page_names_workflows_and_files(console, far):
    text = console.get(INSTALL).content.decode()
    assert "Z-Image-Turbo" in text
    assert "models/vae/<wbr>ae.safetensors" in text


def test_install_page_without_comfyui_leads_to_providers(console):
    assert reverse("admin:providers_connection_add") in console.get(INSTALL).content.decode()


def test_chosen_workflows_are_installed(console, far):
    data = {"connection": far.pk, "names": ["sdxl", "flux2-klein"]}
    text = console.post(INSTALL, data, follow=True).content.decode()
    assert set(Workflow.objects.values_list("name", flat=True)) == {"sdxl", "flux2-klein"}
    assert "Installed: sdxl, flux2-klein." in text


def test_installed_workflow_is_left_alone(console, workflow, far):
    Workflow.objects.update(name="sdxl")
    text = console.post(
        INSTALL, {"connection": far.pk, "names": ["sdxl"]}, follow=True
    ).content.decode()
    assert "it was left alone" in text
    assert Workflow.objects.get().graph == GRAPH


def test_choosing_nothing_is_told(console, far):
    text = console.post(INSTALL, {"connection": far.pk}).content.decode()
    assert "Choose at least one." in text


# --- Who may ------------------------------------------------------------------------------


@pytest.fixture(params=["editor", "reviewer", "stranger"])
def nobody(request, client):
    client.force_login(request.getfixturevalue(request.param))
    return client


def test_others_see_nothing(nobody, workflow):
    assert [nobody.get(url).status_code for url in (LIST, ADD, INSTALL)] == [403] * 3
    assert nobody.get(change(workflow)).status_code == 403
    assert "workflow" not in nobody.get(reverse("admin:index")).content.decode().lower()


def test_others_change_nothing(nobody, workflow, far):
    check = reverse("admin:providers_workflow_check", args=[workflow.pk])
    delete = reverse("admin:providers_workflow_delete", args=[workflow.pk])
    answers = [
        nobody.post(ADD, form(far, name="tree")),
        nobody.post(change(workflow), form(far, label="Mine")),
        nobody.post(check),
        nobody.post(delete, {"post": "yes"}),
        nobody.post(INSTALL, {"connection": far.pk, "names": ["sdxl"]}),
        nobody.post(LIST, {"action": "check_servers", "_selected_action": [workflow.pk]}),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert Workflow.objects.get().label == "House"


def test_permission_on_the_table_alone_is_not_enough(client, make_user, workflow):
    from django.contrib.auth.models import Permission

    user = make_user("erin")
    user.user_permissions.set(Permission.objects.filter(content_type__model="workflow"))
    client.force_login(user)
    assert client.get(change(workflow)).status_code == 403


def test_administrators_group_may(client, make_user, workflow):
    client.force_login(make_user("erin", "Administrators"))
    assert client.get(change(workflow)).status_code == 200
