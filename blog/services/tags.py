"""Finding and making tags."""

from collections.abc import Iterable

from blog.cleaning import showable
from blog.errors import InvalidPost
from blog.models import Tag
from blog.slugs import make_tag_slug

NAME_LENGTH = 100


def get_tags(names: Iterable[str]) -> list[Tag]:
    """The tags of these names, made where they are new; repeated names count once.

    Names that give the same slug are one tag, written as it was written first. Raises
    `InvalidPost` for a name that is too long.
    """
    wanted: dict[str, str] = {}
    for name in names:
        name = " ".join(showable(str(name)).split())
        if len(name) > NAME_LENGTH:
            raise InvalidPost(
                f"The tag “{name[:30]}…” has {len(name)} characters; {NAME_LENGTH} are allowed."
            )
        if name:
            wanted.setdefault(make_tag_slug(name), name)
    known = {tag.slug: tag for tag in Tag.objects.filter(slug__in=wanted)}
    for slug, name in wanted.items():
        if slug not in known:
            known[slug], _ = Tag.objects.get_or_create(slug=slug, defaults={"name": name})
    return [known[slug] for slug in wanted]
