"""Who may do what: the permissions of the services, and the groups that hold them."""

from typing import Any

from django.apps import apps as installed_apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from imagegen.errors import NotPermitted

User = AbstractBaseUser | AnonymousUser

PERMISSIONS = {
    "generate": ("imagegen.generate", "ask for images"),
    "spend": ("imagegen.spend", "settle doubtful calls or spend above the threshold"),
    "approve": ("imagegen.approve", "review images"),
    "override": ("imagegen.override", "replace images by uploads"),
    "configure": ("imagegen.configure", "configure generation"),
    "read_drafts": ("blog.read_drafts", "read drafts"),
}

READABLE = (
    "blog.post",
    "blog.section",
    "blog.tag",
    "imagegen.imageslot",
    "imagegen.imageoutput",
    "imagegen.generationbatch",
    "imagegen.generationjob",
    "imagegen.attempt",
    "imagegen.connectionmonth",
    "imagegen.reviewevent",
    "imagegen.illustrationplan",
    "imagegen.planchoice",
    "imagegen.slotalt",
    "imagegen.disclosuretext",
    "imagegen.styletreatment",
    "imagegen.watermarkprofile",
    "imagegen.workerprocess",
    "prompts.imagestyle",
    "prompts.imageformat",
    "prompts.prompttemplate",
    "prompts.imagesetting",
    "prompts.imagepromptexample",
    "prompts.roledefault",
    "prompts.imageprompt",
    "prompts.styleversion",
    "providers.connection",
    "providers.imagemodel",
)
WRITTEN_BY_EDITORS = (
    "blog.post",
    "blog.tag",
    "imagegen.illustrationplan",
    "imagegen.planchoice",
    "prompts.imagestyle",
    "prompts.imageformat",
    "prompts.prompttemplate",
    "prompts.imagesetting",
    "prompts.imagepromptexample",
)
SEE_PICTURES = ("imagegen.view_imageoutput", "imagegen.approve")
OWN_APPS = ("blog", "imagegen", "prompts", "providers")


def may(user: User | None, name: str) -> bool:
    """Whether `user` holds the permission `name`. The system itself (None) may do anything."""
    return user is None or user.has_perm(PERMISSIONS[name][0])  # type: ignore[union-attr]


def require(user: User | None, name: str) -> None:
    """Raise `NotPermitted`, with a sentence, unless `user` holds the permission `name`."""
    if not may(user, name):
        raise NotPermitted(
            f"You may not {PERMISSIONS[name][1]}. "
            f"An administrator can give you the permission “{name}”."
        )


def may_see_previews(user: Any) -> bool:
    """Whether `user` may see pictures that readers may not: staff who review or look."""
    return bool(
        user is not None
        and user.is_active
        and user.is_staff
        and any(user.has_perm(name) for name in SEE_PICTURES)
    )


def _model_permissions(models: tuple[str, ...], *actions: str) -> set[str]:
    """Django's own permissions, as app.codename, for models written as app.model."""
    return {
        f"{app}.{action}_{model}"
        for app, model in (name.split(".") for name in models)
        for action in actions
    }


def group_permissions() -> dict[str, set[str] | None]:
    """The product's groups and what they start with; None stands for all of its permissions."""
    held = {name: PERMISSIONS[name][0] for name in PERMISSIONS}
    reading = _model_permissions(READABLE, "view")
    return {
        "Editors": {held[name] for name in ("generate", "approve", "override", "read_drafts")}
        | reading
        | _model_permissions(WRITTEN_BY_EDITORS, "add", "change")
        | {"imagegen.change_imageslot", "imagegen.delete_planchoice"},
        "Reviewers": {held["approve"], held["read_drafts"]} | reading,
        "Administrators": None,
    }


def install_groups(apps: Any = installed_apps) -> None:
    """Make the groups and give each permission that they have not been given before.

    Runs after every migration. What an administrator took away is not given again, what they
    added is not taken, and a group that they removed comes back only with permissions that are
    new. `apps` is the registry of the migration; without its tables nothing happens.
    """
    try:
        group_model = apps.get_model("auth", "Group")
        permission_model = apps.get_model("auth", "Permission")
        grant_model = apps.get_model("imagegen", "InstalledGrant")
    except LookupError:
        return
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in permission_model.objects.filter(
            content_type__app_label__in=OWN_APPS
        ).values_list("pk", "content_type__app_label", "codename")
    }
    given: dict[str, set[str]] = {}
    for group, permission in grant_model.objects.values_list("group", "permission"):
        given.setdefault(group, set()).add(permission)
    for name, wanted in group_permissions().items():
        names = (set(known) if wanted is None else wanted & set(known)) - given.get(name, set())
        if not names:
            continue
        group, _ = group_model.objects.get_or_create(name=name)
        group.permissions.add(*(known[permission] for permission in names))
        grant_model.objects.bulk_create(
            [grant_model(group=name, permission=permission) for permission in sorted(names)],
            ignore_conflicts=True,
        )
