"""From the words of a command line to rows; a wrong word is answered with the right ones."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q

from blog.models import Post
from imagegen.models import ImageSlot
from imagegen.services.asking import check_cap
from imagegen.services.batches import GenerationOptions
from imagegen.services.selection import DEFAULT_ROLES, select_slots
from imagegen.services.slots import ensure_slots
from prompts.models import ImagePromptExample, ImageSetting, ImageStyle, Role
from providers.models import Connection, ImageModel


class NothingCanStart(Exception):
    """The command cannot begin; the text says what to change."""


def add_post_choice(group: Any) -> None:
    """`--post` and `--all`, for `find_posts`."""
    group.add_argument("--post", nargs="+", action="extend", metavar="SLUG|ID", default=[])
    group.add_argument("--all", action="store_true", help="Those of every post.")


def add_place_choice(group: Any) -> None:
    """What narrows the places of posts, for `find_places`."""
    add_post_choice(group)
    group.add_argument("--slots", metavar="hero,social,section", help="Default: hero,section.")
    group.add_argument("--only-missing", action="store_true", help="Places without a picture.")
    group.add_argument("--limit", type=int, metavar="N", help="At most N of them.")


def find_places(options: dict[str, Any], *, only_failed: bool = False) -> list[ImageSlot]:
    """The wanted places that the options name; those of new posts are made, but in a dry run."""
    roles = find_roles(options["slots"])
    posts = find_posts(options["post"], everything=options["all"])
    limit = check_limit(options["limit"])
    for post in posts:
        if not options["dry_run"]:
            ensure_slots(post=post)
    return select_slots(
        posts=Post.objects.filter(pk__in=[post.pk for post in posts]),
        roles=roles,
        only_missing=options["only_missing"],
        only_failed=only_failed,
        limit=limit,
    )


def check_limit(limit: int | None) -> int | None:
    """`--limit` as it was given, if something may be asked for at all."""
    if limit is not None and limit < 1:
        raise NothingCanStart("--limit must be at least 1.")
    return limit


def find_posts(words: list[str], *, everything: bool) -> list[Post]:
    """The posts that were named by slug or id, or all of them."""
    if everything and words:
        raise NothingCanStart("Name posts by --post or take --all, not both.")
    if everything:
        return list(Post.objects.order_by("pk"))
    if not words:
        raise NothingCanStart("Say which posts: --post SLUG or --all.")
    return [_find_post(word) for word in words]


def _find_post(word: str) -> Post:
    row = Post.objects.filter(Q(pk=int(word)) if _is_id(word) else Q(slug=word)).first()
    if row is None:
        raise NothingCanStart(f"There is no post “{word}”. Give a slug or an id.")
    return row


def _is_id(word: str) -> bool:
    """Whether it can be a row's number: plain digits that a database column holds."""
    return word.isascii() and word.isdigit() and len(word) < 19


def find_roles(text: str | None) -> list[str]:
    """`hero,social,section` as roles; empty: hero and sections."""
    if not text:
        return list(DEFAULT_ROLES)
    roles = [word.strip() for word in text.split(",") if word.strip()]
    for role in roles:
        if role not in Role.values:
            known = ", ".join(Role.values)
            raise NothingCanStart(f"There is no place “{role}”. --slots takes {known}.")
    return roles


def find_options(options: dict[str, Any]) -> GenerationOptions:
    """`--example`, `--style`, `--setting`, `--provider` and `--model` as rows."""
    example = ImagePromptExample.objects.select_related("setting")
    connection = _find(Connection.objects.all(), "provider", options["provider"], "name")
    if connection is not None and not connection.enabled:
        raise NothingCanStart(f"The provider {connection.name} is switched off in the admin.")
    return GenerationOptions(
        example=_find(example, "example", options["example"]),
        setting=_find(ImageSetting.objects.all(), "setting", options["setting"]),
        style=_find(ImageStyle.objects.all(), "style", options["style"]),
        connection=connection,
        model=find_model(options["model"]),
    )


def find_model(word: str | None) -> ImageModel | None:
    """A model for pictures as provider:model, or by its name alone where only one has it."""
    if word is None:
        return None
    models = ImageModel.objects.for_pictures().select_related("connection")
    usable = models.usable()
    connection, _, name = word.partition(":")
    named = Q(name=word) | Q(connection__name=connection, name=name)
    found = list(usable.filter(named)[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise NothingCanStart(f"Several providers have a model “{word}”: write provider:model.")
    if unusable := models.filter(named).first():
        raise NothingCanStart(f"The model “{word}” cannot be used. {unusable.why_unusable}")
    known = ", ".join(f"{row.connection.name}:{row.name}" for row in usable[:20]) or "none yet"
    raise NothingCanStart(f"There is no usable model “{word}” for pictures. Known: {known}.")


def find_amount(text: str | None) -> Decimal | None:
    """`--max-cost` as an amount; None if it was not given."""
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise NothingCanStart("--max-cost must be an amount such as 2.50.") from error
    check_cap(amount)
    return amount


def _find(rows: Any, what: str, word: str | None, field: str = "slug") -> Any:
    """The row whose slug or name is `word`; None if nothing was asked for."""
    if word is None:
        return None
    matches = Q(**{field: word}) | Q(**{f"{'label' if field == 'name' else 'name'}__iexact": word})
    row = rows.filter(matches).first()
    if row is None:
        known = ", ".join(rows.order_by(field).values_list(field, flat=True)[:20]) or "none yet"
        raise NothingCanStart(f"There is no {what} “{word}”. Known: {known}.")
    return row
