"""Storing what was read: one file at a time, each whole or not at all.

A post is known again by its slug, or by a former slug, if it came from the same file; and by
its file, if the slug has changed in the front matter while the title stayed. A slug that
belongs to another file's post, or to a post that was written here, is refused.

A post whose text was edited here since its last import is never overwritten: it is a conflict
until the file and the post say the same again.

An import publishes and schedules drafts when their file says so; it never withdraws a post.
"""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import DatabaseError, transaction
from django.utils import timezone

from blog import hooks, services
from blog.errors import BlogError, ImportProblem
from blog.importing.files import SourceFile, find_files, same_source
from blog.importing.posts import ParsedPost, read_post_file
from blog.models import Post, site_language

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a file. `changed`: it differs from the last import; nothing was done."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """The outcome for one file, its post (None in a dry run that would make one), remarks."""

    outcome: Outcome
    post: Post | None = None
    warnings: tuple[ImportProblem, ...] = ()


@dataclass(kw_only=True)
class ImportReport:
    """What a run did: counts by outcome, and every file that needs a person."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    changed: int = 0
    conflicts: list[ImportProblem] = field(default_factory=list)
    failed: list[ImportProblem] = field(default_factory=list)
    warnings: list[ImportProblem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every file went in or was known already."""
        return not self.conflicts and not self.failed

    def to_dict(self) -> dict:
        """For `--json`: four counts, and three lists of file, line and reason."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "changed": self.changed,
            "conflicts": [problem.to_dict() for problem in self.conflicts],
            "failed": [problem.to_dict() for problem in self.failed],
            "warnings": [problem.to_dict() for problem in self.warnings],
        }

    def count(self, parsed: ParsedPost, result: ImportResult) -> None:
        self.warnings.extend(result.warnings)
        if result.outcome is Outcome.CONFLICT:
            reason = (
                "The post was edited here since its last import, and the file differs from it. "
                "Nothing was overwritten: bring the two together in the file."
            )
            self.conflicts.append(ImportProblem(reason, file=parsed.file))
        else:
            name = result.outcome.value
            setattr(self, name, getattr(self, name) + 1)


def import_paths(
    paths: Iterable[str | os.PathLike],
    *,
    update: bool = False,
    dry_run: bool = False,
    split_level: int | None = None,
    on_file: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Import every Markdown file under `paths`; a bad one is reported and the others go in.

    `update` lets changed files change their posts; `dry_run` changes nothing and reports the
    same. `split_level` is the heading level of sections where a file names none. `on_file` is
    told after each file how many of how many are done.
    """
    found = find_files(paths)
    report = ImportReport(failed=found.problems)
    slugs: dict[str, str] = {}
    for number, source in enumerate(found.files, start=1):
        try:
            _import_file(source, report, slugs, update, dry_run, split_level)
        except ImportProblem as problem:
            problem.file = problem.file or source.shown
            report.failed.append(problem)
        except DatabaseError:
            logger.exception("Could not store %s", source.shown)
            reason = "The database could not store this post; the log tells why."
            report.failed.append(ImportProblem(reason, file=source.shown))
        except Exception:
            # One file must not stop the others, whatever is wrong with it or with us.
            logger.exception("Could not import %s", source.shown)
            reason = "This post could not be imported because of a fault; the log tells which."
            report.failed.append(ImportProblem(reason, file=source.shown))
        if on_file:
            on_file(number, len(found.files))
    return report


def _import_file(
    source: SourceFile,
    report: ImportReport,
    slugs: dict[str, str],
    update: bool,
    dry_run: bool,
    split_level: int | None,
) -> None:
    parsed = read_post_file(source, split_level=split_level)
    if parsed is None:
        return
    if parsed.slug in slugs:
        raise ImportProblem(
            f"The slug “{parsed.slug}” is that of {slugs[parsed.slug]} in this run already. "
            "Give one of the two another slug in its front matter."
        )
    slugs[parsed.slug] = parsed.file
    report.count(parsed, import_post(parsed, update=update, dry_run=dry_run))


def import_post(parsed: ParsedPost, *, update: bool = False, dry_run: bool = False) -> ImportResult:
    """Store one post, all of it or nothing. Raises `ImportProblem`."""
    try:
        with transaction.atomic():
            known = find_known(parsed)
            outcome = _decide(parsed, known, update)
            if outcome not in (Outcome.CREATED, Outcome.UPDATED):
                if outcome is Outcome.UNCHANGED and not dry_run and known:
                    _agree(known, parsed)
                return ImportResult(outcome=outcome, post=known)
            if dry_run:
                warnings = tuple(parsed.warnings)
                return ImportResult(outcome=outcome, post=known, warnings=warnings)
            post, warnings = _store(parsed, known or Post())
            return ImportResult(outcome=outcome, post=post, warnings=warnings)
    except ImportProblem:
        raise
    except BlogError as error:
        raise ImportProblem(str(error), file=parsed.file) from error


def find_known(parsed: ParsedPost) -> Post | None:
    """The post that was imported from this file before. Raises if its slug is another's."""
    posts = Post.objects.select_for_update()
    owner = posts.filter(slug=parsed.slug).first()
    if owner:
        return _same_or_refused(parsed, owner)
    moved = posts.filter(former_slugs__slug=parsed.slug).first()
    if moved and same_source(moved.source_path, parsed.source_path):
        return moved
    # Its slug is new. Another site's file of the same name is no reason to take its post.
    return posts.filter(source_path=parsed.source_path, title=parsed.title).first()


def _same_or_refused(parsed: ParsedPost, owner: Post) -> Post:
    if not owner.source_path:
        raise ImportProblem(
            f"The slug “{parsed.slug}” belongs to a post that was written here. "
            "Give one of the two another slug.",
            file=parsed.file,
        )
    if not same_source(owner.source_path, parsed.source_path):
        raise ImportProblem(
            f"The slug “{parsed.slug}” belongs to the post from {owner.source_path}. "
            "Give one of the two another slug.",
            file=parsed.file,
        )
    return owner


def _decide(parsed: ParsedPost, known: Post | None, update: bool) -> Outcome:
    if known is None:
        return Outcome.CREATED
    resplit = parsed.split_level is not None and parsed.split_level != known.split_level
    edited = known.edited_at is not None
    if known.source_hash == parsed.source_hash and not (resplit and not edited):
        return Outcome.UNCHANGED
    if edited and _says_the_same(parsed, known):
        return Outcome.UNCHANGED
    if not update:
        return Outcome.CHANGED
    return Outcome.CONFLICT if edited else Outcome.UPDATED


def _says_the_same(parsed: ParsedPost, post: Post) -> bool:
    """Whether an edit here and a change of the file came to the same words."""
    tags = {tag.name.casefold() for tag in post.tags.all()}
    return (
        post.title == parsed.title
        and post.slug == parsed.slug
        and post.body.replace("\r\n", "\n").strip() == parsed.body.strip()
        and post.summary.strip() == parsed.summary
        and post.author_name == parsed.author_name
        and post.language == (parsed.language or site_language())
        and tags == {tag.casefold() for tag in parsed.tags}
    )


def _agree(post: Post, parsed: ParsedPost) -> None:
    """Where file and edited post say the same, the edit counts as imported."""
    if post.source_hash != parsed.source_hash:
        Post.objects.filter(pk=post.pk).update(
            source_hash=parsed.source_hash, imported_at=timezone.now(), edited_at=None
        )


def _store(parsed: ParsedPost, post: Post) -> tuple[Post, tuple[ImportProblem, ...]]:
    """Fill the post, save it, tell of its pictures, and publish it if the file says so."""
    now = timezone.now()
    post.title, post.slug, post.body = parsed.title, parsed.slug, parsed.body
    post.summary, post.author_name = parsed.summary, parsed.author_name
    post.language = parsed.language or site_language()
    post.split_level = parsed.split_level
    post.source_path, post.source_hash = parsed.source_path, parsed.source_hash
    if parsed.date and parsed.date <= now:
        post.published_at = parsed.date
    services.save_post(post=post, tags=parsed.tags, by_import=True)
    services.add_former_slugs(post=post, slugs=parsed.former_slugs)
    answers = hooks.call(hooks.PICTURES_MET, post=post, pictures=parsed.pictures)
    _publish(parsed, post)
    told = [ImportProblem(text, file=parsed.file) for sentences in answers for text in sentences]
    return post, (*parsed.warnings, *told)


def _publish(parsed: ParsedPost, post: Post) -> None:
    waiting = post.status in (Post.Status.DRAFT, Post.Status.SCHEDULED)
    if parsed.draft or not waiting:
        return
    if parsed.publish_at and parsed.publish_at > timezone.now():
        services.schedule_post(post=post, at=parsed.publish_at)
    else:
        services.publish_post(post=post)
