"""Making the section rows follow the text."""

from collections.abc import Sequence

from blog import hooks
from blog.markdown import ParsedSection
from blog.matching import match_sections
from blog.models import Post, Section

CONTENT = ("level", "heading", "anchor", "body", "text_hash", "has_picture")
# Told to others as a change; the anchor and the rank are the page's business alone.
TOLD = ("heading", "text_hash", "has_picture")


def follow_text(*, post: Post, parsed: Sequence[ParsedSection]) -> None:
    """Write the sections of `post` as `parsed` says and tell the hooks what changed.

    Sections keep their ids as `blog.matching` pairs them. The caller holds the transaction
    and has locked the post.
    """
    known = list(post.sections.all())
    partners = match_sections(known, parsed)
    kept = {index for index in partners if index is not None}
    removed = [section for index, section in enumerate(known) if index not in kept]
    for section in removed:
        hooks.call(hooks.SECTION_REMOVED, section=section)
    Section.objects.filter(pk__in=[section.pk for section in removed]).delete()
    added: list[Section] = []
    edited: list[Section] = []
    moved: list[Section] = []
    told: list[Section] = []
    for position, (part, index) in enumerate(zip(parsed, partners, strict=True)):
        section = Section(post=post) if index is None else known[index]
        changed = _fill(section, part)
        if index is None:
            added.append(section)
        elif changed:
            edited.append(section)
            if not changed.isdisjoint(TOLD):
                told.append(section)
        if index is not None and section.position != position:
            moved.append(section)
        section.position = position
    Section.objects.bulk_create(added)
    Section.objects.bulk_update(edited, CONTENT, batch_size=200)
    Section.objects.bulk_update(moved, ["position"], batch_size=400)
    for section in added:
        hooks.call(hooks.SECTION_ADDED, section=section)
    for section in told:
        hooks.call(hooks.SECTION_CHANGED, section=section)


def _fill(section: Section, part: ParsedSection) -> set[str]:
    """Copy what was read into the row; the names of the fields that differ."""
    changed = {name for name in CONTENT if getattr(section, name) != getattr(part, name)}
    for name in changed:
        setattr(section, name, getattr(part, name))
    return changed
