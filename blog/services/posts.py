"""Saving and deleting posts."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from blog import hooks
from blog.bodies import body_fault
from blog.cleaning import showable
from blog.errors import InvalidPost
from blog.markdown import Document, parse
from blog.markdown.text import count_words, document_text
from blog.models import Post, SlugHistory, Tag
from blog.services.sections import follow_text
from blog.services.tags import get_tags
from blog.slugs import MAX_LENGTH, make_slug, slug_fault

EXCERPT_LENGTH = 240
TITLE_LENGTH = 500
# What an editor or an import may change; the status moves by `blog.services.publication`.
CONTENT = (
    "title",
    "slug",
    "body",
    "summary",
    "language",
    "author_name",
    "author",
    "split_level",
    "published_at",
)
TEXTS = ("title", "body", "summary", "author_name")
PLAN = ("scheduled_for",)
IMPORT_FACTS = ("source_path", "source_hash", "imported_at")
DERIVED = ("excerpt", "word_count", "updated_at", "edited_at")


@transaction.atomic
def save_post(
    *, post: Post, tags: Iterable[Tag | str] | None = None, by_import: bool = False
) -> Post:
    """Keep the content of `post`, which may be new, and make its sections follow the text.

    `tags` replaces the post's tags; None leaves them. An edit sets `edited_at` if the content
    differs from what was stored; an import (`by_import`) clears it and keeps the facts of the
    import. A changed slug leaves the former one behind as an address that redirects. A new post
    is a draft, and the status of a stored one is not touched. Raises `InvalidPost`.
    """
    stored = Post.objects.select_for_update().get(pk=post.pk) if post.pk else None
    _check(post)
    if stored:
        _keep_dates(post, stored)
    found = _tags(tags)
    document = parse(post.body)
    changed = stored is None or _content(post) != _content(stored) or _differ(post, found)
    _derive(post, document, changed=changed, by_import=by_import)
    if stored is None:
        post.status = Post.Status.DRAFT
        post.save()
    else:
        facts = IMPORT_FACTS if by_import else ()
        post.save(update_fields=[*CONTENT, *PLAN, *DERIVED, *facts])
        _keep_former_slug(post, stored.slug)
    # The address of a post that exists comes before the memory of one that moved.
    SlugHistory.objects.filter(slug=post.slug).delete()
    if found is not None:
        post.tags.set(found)
    follow_text(post=post, parsed=document.split(post.split_level).sections)
    hooks.call(hooks.POST_SAVED, post=post, created=stored is None)
    return post


@transaction.atomic
def delete_post(*, post: Post) -> None:
    """Remove a post with its sections. Pictures stay with whoever keeps them.

    A public post is withdrawn first, as far as the hooks are concerned.
    """
    stored = Post.objects.select_for_update().get(pk=post.pk)
    if stored.is_public:
        hooks.call(hooks.POST_WITHDRAWN, post=stored)
    for section in stored.sections.all():
        hooks.call(hooks.SECTION_REMOVED, section=section)
    stored.delete()


def add_former_slugs(*, post: Post, slugs: Iterable[str]) -> int:
    """Let further old addresses lead to `post`; those that are in use elsewhere are left out."""
    wanted = {slug for slug in slugs if slug and slug != post.slug and not slug_fault(slug)}
    wanted -= set(Post.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    wanted -= set(SlugHistory.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    SlugHistory.objects.bulk_create(SlugHistory(post=post, slug=slug) for slug in sorted(wanted))
    return len(wanted)


def free_slug(text: str, *, own: int | None = None) -> str:
    """A slug made from `text` that no other post has, numbered where needed."""
    base = make_slug(text)
    taken = set(
        Post.objects.exclude(pk=own).filter(slug__startswith=base).values_list("slug", flat=True)
    )
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _check(post: Post) -> None:
    for name in TEXTS:
        setattr(post, name, showable(getattr(post, name)))
    post.title = " ".join(post.title.split())
    if not post.title:
        raise InvalidPost("The post needs a title.")
    if len(post.title) > TITLE_LENGTH:
        raise InvalidPost(
            f"The title has {len(post.title)} characters; {TITLE_LENGTH} are allowed."
        )
    if fault := body_fault(post.body):
        raise InvalidPost(fault)
    post.slug = post.slug or free_slug(post.title, own=post.pk)
    if fault := slug_fault(post.slug):
        raise InvalidPost(fault)
    if Post.objects.exclude(pk=post.pk).filter(slug=post.slug).exists():
        raise InvalidPost(f"Another post has the slug “{post.slug}” already. Choose another one.")


def _keep_dates(post: Post, stored: Post) -> None:
    """A copy that was read before the post was scheduled or published loses no date."""
    if stored.status == Post.Status.SCHEDULED:
        post.scheduled_for = post.scheduled_for or stored.scheduled_for
    elif stored.status != Post.Status.DRAFT:
        post.scheduled_for = None
        post.published_at = post.published_at or stored.published_at


def _tags(tags: Iterable[Tag | str] | None) -> list[Tag] | None:
    if tags is None:
        return None
    given = list(tags)
    named = get_tags(tag for tag in given if isinstance(tag, str))
    return [*(tag for tag in given if isinstance(tag, Tag)), *named]


def _content(post: Post) -> tuple:
    return tuple(post.serializable_value(name) for name in CONTENT)


def _differ(post: Post, tags: list[Tag] | None) -> bool:
    if tags is None:
        return False
    return {tag.pk for tag in tags} != set(post.tags.values_list("pk", flat=True))


def _derive(post: Post, document: Document, *, changed: bool, by_import: bool) -> None:
    """Fill the fields that follow from the text and from who changed it."""
    now = timezone.now()
    post.word_count = count_words(document)
    post.excerpt = document_text(document, EXCERPT_LENGTH, headings=False)
    if changed:
        post.updated_at = now
    if by_import:
        post.imported_at = now
        post.edited_at = None
    elif changed:
        post.edited_at = now


def _keep_former_slug(post: Post, former: str) -> None:
    if former != post.slug and len(former) <= MAX_LENGTH:
        SlugHistory.objects.update_or_create(slug=former, defaults={"post": post})
