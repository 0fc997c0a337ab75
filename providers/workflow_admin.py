"""ComfyUI workflows in the admin. They are code that runs on a server: administrators only."""

import json
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from providers import workflow_services as services
from providers.health import feature_rows
from providers.jsonfields import StrictJSONField
from providers.models import WORKFLOW_KIND, Connection, Workflow
from providers.workflows.check import model_files
from providers.workflows.graph import LARGEST_GRAPH, PARAMETERS, Graph, WorkflowProblem
from providers.workflows.titles import named

SHOWN_NOTES = 4  # lines of one message
NONE_YET = "Install ready ones, or add your own as ComfyUI exports it in API format."
CONFIGURE = "imagegen.configure"  # the product's own permission, by name: no import leads there


class GraphField(StrictJSONField):
    """A graph as people read it: one input a line."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return "" if value in (None, "") else json.dumps(value, ensure_ascii=False, indent=2)


class WorkflowForm(forms.ModelForm):
    graph = GraphField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 24, "cols": 90, "spellcheck": "false"}),
        help_text=(
            "ComfyUI's API format: Workflow > Export (API). The titles of its nodes say where "
            "things go: fp:prompt, and if you like fp:negative, fp:seed, fp:width, fp:height, "
            "fp:steps, fp:cfg, fp:image, fp:mask, fp:output."
        ),
    )
    file = forms.FileField(
        required=False,
        label="Or its file",
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        help_text="A .json file takes the place of the text above.",
    )

    class Meta:
        model = Workflow
        fields = ("connection", "name", "label", "graph")
        error_messages = {
            "name": {"invalid": "Use letters, digits, hyphens and underscores only."},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(field := self.fields.get("connection"), forms.ModelChoiceField):
            field.queryset = Connection.objects.filter(kind=WORKFLOW_KIND)
            field.empty_label = None if field.queryset.count() == 1 else field.empty_label

    def clean_file(self) -> Any:
        """The graph that the file holds; None without one."""
        upload: UploadedFile | None = self.cleaned_data.get("file")
        if upload is None:
            return None
        if (upload.size or 0) > LARGEST_GRAPH:
            raise ValidationError(f"The file is too large: at most {LARGEST_GRAPH:,} bytes.")
        try:
            return json.loads(upload.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise ValidationError("This file is no JSON. Export it from ComfyUI again.") from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        source = "graph" if data.get("file") is None else "file"
        if source == "file":
            data["graph"] = data["file"]
            self.errors.pop("graph", None)
        if not self.has_error(source) and not self.has_error("file"):
            self._check_graph(source, data.get("graph"))
        if not self.errors:
            self._check_place(data)
        return data

    def _check_graph(self, source: str, graph: Any) -> None:
        if graph in (None, ""):
            self.add_error("graph", "Paste the graph here, or choose its file.")
            return
        try:
            Graph.parse(graph)
        except WorkflowProblem as problem:
            self.add_error(source, str(problem))

    def _check_place(self, data: dict[str, Any]) -> None:
        wanted = Workflow(
            pk=self.instance.pk,
            connection=data.get("connection") or self.instance.connection,
            name=data.get("name") or self.instance.name,
        )
        try:
            services.check_place(workflow=wanted)
        except WorkflowProblem as problem:
            self.add_error("name" if "name" in self.fields else None, str(problem))


class ReadyForm(forms.Form):
    """Which of the ready workflows go where."""

    connection = forms.ModelChoiceField(
        Connection.objects.none(), label="Provider", empty_label=None
    )
    names = forms.MultipleChoiceField(
        label="Workflows",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from providers.workflows.ready import READY

        super().__init__(*args, **kwargs)
        if isinstance(field := self.fields["connection"], forms.ModelChoiceField):
            field.queryset = Connection.objects.filter(kind=WORKFLOW_KIND)
        if isinstance(choice := self.fields["names"], forms.MultipleChoiceField):
            choice.choices = [(ready.name, ready.label) for ready in READY.values()]


@admin.register(Workflow)
class WorkflowAdmin(admin.ModelAdmin):
    form = WorkflowForm
    list_display = ("name", "label", "connection", "version", "checked_at", "lacks")
    list_filter = (("connection", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("connection",)
    search_fields = ("name", "label", "connection__name")
    readonly_fields = ("lacking", "bound", "takes", "files", "version", "checked_at")
    actions = ("check_servers",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = (None, {"fields": ("connection", "name", "label")})
        graph = ("Graph", {"fields": ("graph", "file")})
        if obj is None:
            return [own, graph]
        server = ("On the server", {"fields": ("checked_at", "lacking", "files")})
        meaning = ("What goes where", {"fields": ("bound", "takes", "version")})
        return [own, server, meaning, graph]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A workflow keeps its place: settings refer to the model that bears its name."""
        return (
            self.readonly_fields if obj is None else (*self.readonly_fields, "connection", "name")
        )

    # --- Who may ------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_configure(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_configure(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_configure(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_configure(request) and super().has_delete_permission(request, obj)

    # --- Changing -----------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Workflow, form: Any, change: bool) -> None:
        for note in services.save_workflow(workflow=obj, ask=False):
            messages.warning(request, note)
        # The admin saves in a transaction; no server is waited for in one.
        transaction.on_commit(partial(_check_all, request, [obj]))

    def delete_model(self, request: HttpRequest, obj: Workflow) -> None:
        for note in services.remove_workflow(workflow=obj):
            messages.warning(request, note)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        for workflow in queryset.select_related("connection"):
            self.delete_model(request, workflow)

    @admin.action(permissions=["change"], description="Check against the server")
    def check_servers(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        rows = list(queryset.select_related("connection").order_by("connection__name", "name"))
        _check_all(request, rows)

    # --- Pages ----------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("install/", wrap(self.install_view), name="providers_workflow_install"),
            path(
                "<int:pk>/check/",
                wrap(require_POST(self.check_view)),
                name="providers_workflow_check",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"empty_state": NONE_YET, **(extra_context or {})})

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        workflow = get_object_or_404(Workflow.objects.select_related("connection"), pk=pk)
        if not self.has_change_permission(request, workflow):
            raise PermissionDenied
        _check_all(request, [workflow])
        return redirect("admin:providers_workflow_change", pk)

    def install_view(self, request: HttpRequest) -> HttpResponse:
        """Choose ready workflows and install them."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        from providers.workflows.ready import READY

        form = ReadyForm(
            request.POST or None, initial={"connection": request.GET.get("connection")}
        )
        if form.is_valid():
            self._install(request, form.cleaned_data["connection"], form.cleaned_data["names"])
            return redirect("admin:providers_workflow_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Install ready workflows",
            "form": form,
            "ready": READY.values(),
            "chosen": request.POST.getlist("names"),
            "connections": Connection.objects.filter(kind=WORKFLOW_KIND),
            "add_connection": reverse("admin:providers_connection_add"),
        }
        return TemplateResponse(request, "admin/providers/workflow_install.html", context)

    def _install(self, request: HttpRequest, connection: Connection, names: list[str]) -> None:
        installed: list[str] = []
        for name in names:
            try:
                notes = services.install_ready(connection=connection, name=name, ask=False)
            except WorkflowProblem as problem:
                messages.warning(request, str(problem))
                continue
            installed.append(name)
            for note in notes:
                messages.warning(request, note)
        if installed:
            messages.success(request, f"Installed: {', '.join(installed)}.")
        rows = list(
            Workflow.objects.filter(connection=connection, name__in=installed).select_related(
                "connection"
            )
        )
        _check_all(request, rows)

    # --- What is shown ------------------------------------------------------------------

    @admin.display(description="server lacks")
    def lacks(self, obj: Workflow) -> str:
        if obj.checked_at is None:
            return "not asked yet"
        count = len(obj.problems)
        return f"{count} things" if count > 1 else "1 thing" if count else "nothing"

    @admin.display(description="the server lacks")
    def lacking(self, obj: Workflow) -> SafeString | str:
        if obj.checked_at is None:
            return "It has not been asked yet."
        if not obj.problems:
            return "Nothing."
        return format_html_join("", "<div>{}</div>", _each(obj.problems))

    @admin.display(description="bound")
    def bound(self, obj: Workflow) -> SafeString | str:
        """Where each parameter goes."""
        try:
            graph = Graph.parse(obj.graph)
        except WorkflowProblem as problem:
            return str(problem)
        return format_html(
            '<table class="fp-facts"><tbody>{}</tbody></table>',
            format_html_join("", "<tr><th scope='row'>fp:{}</th><td>{}</td></tr>", _bound(graph)),
        )

    @admin.display(description="so it takes")
    def takes(self, obj: Workflow) -> SafeString | str:
        try:
            rows = feature_rows(Graph.parse(obj.graph).capabilities())
        except WorkflowProblem:
            return "Nothing."
        return format_html_join("", "<div>{}: {}</div>", rows)

    @admin.display(description="model files")
    def files(self, obj: Workflow) -> SafeString | str:
        try:
            files = model_files(Graph.parse(obj.graph))
        except WorkflowProblem:
            files = []
        return format_html_join("", "<div>models/{}/{}</div>", files) or "None that are known."


def _may_configure(request: HttpRequest) -> bool:
    return request.user.has_perm(CONFIGURE)


def _check_all(request: HttpRequest, workflows: list[Workflow]) -> None:
    """Ask the servers, and say what came of it in one message for each workflow."""
    for workflow, notes in services.check_workflows(workflows=workflows):
        good = workflow.checked_at is not None and not workflow.problems
        lines = [f"Workflow {workflow.name}: {notes[0]}", *notes[1:SHOWN_NOTES]]
        if len(notes) > SHOWN_NOTES:
            lines.append(f"And {len(notes) - SHOWN_NOTES} more: its page names them.")
        text = format_html_join(mark_safe("<br>"), "{}", _each(lines))
        messages.add_message(request, messages.SUCCESS if good else messages.WARNING, text)


def _each(texts: list[str]) -> list[tuple[str]]:
    return [(text,) for text in texts]


def _bound(graph: Graph) -> list[tuple[str, SafeString | str]]:
    """(parameter, its inputs) for every parameter there is."""
    rows: list[tuple[str, SafeString | str]] = []
    for parameter in PARAMETERS:
        targets = graph.bindings.get(parameter, ())
        lines = [
            f"{named(target.node, graph.nodes[target.node])}, input {target.input}"
            for target in targets
        ]
        if parameter == "output":
            lines = [named(key, graph.nodes[key]) for key in graph.outputs]
        shown = format_html_join("", "<div>{}</div>", _each(lines))
        rows.append((parameter, shown or "not bound"))
    return rows
