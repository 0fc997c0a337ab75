"""Sets the watermark of pictures, or brings an archive up to date with its watermark."""

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from blog.models import Post
from imagegen.management.base import ALL_DONE, SOME_FAILED, WorkCommand
from imagegen.management.choices import NothingCanStart, add_post_choice, find_posts
from imagegen.management.republishing import PublishWatch
from imagegen.models import ImageOutput, WatermarkProfile
from imagegen.services import watermark_profiles, watermarks
from imagegen.services.holdings import batches
from imagegen.services.watermarks import Watermarking
from imagegen.services.wording import count_text

CHUNK = 500  # pictures between two lines of progress


class Command(WorkCommand):
    """Pictures that places of posts show. `--reapply` chooses nothing and makes them anew.

    Exit code 0: all done; 1: some could not be published; 2: nothing could start.
    """

    help = "Sets the watermark of the pictures of posts, or applies it again."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which pictures")
        add_post_choice(which)
        how = parser.add_argument_group("how")
        how.add_argument(
            "--profile",
            metavar="SLUG|none|inherit",
            help="A watermark; none; or inherit: as the style or the site says.",
        )
        how.add_argument(
            "--reapply",
            action="store_true",
            help="Change no choice: look through what bears a watermark (with --profile: that).",
        )
        act = parser.add_argument_group("what happens")
        act.add_argument("--dry-run", action="store_true", help="Show the counts; do nothing.")
        act.add_argument("--wait", action="store_true", help="Stay until readers see it.")

    def run(self, options: dict[str, Any]) -> int:
        posts = _posts(options)
        if options["reapply"]:
            self._reapply(posts, options)
        else:
            self._set(posts, options)
        if not options["wait"] or options["dry_run"]:
            return ALL_DONE
        watch = PublishWatch(posts=posts, write=self.say, terminal=self.is_terminal())
        left = watch.wait()
        if left:
            self.say(f"Not published: {count_text(left, 'place')}. Look into the log.")
        return SOME_FAILED if left else ALL_DONE

    def _set(self, posts: QuerySet[Post] | None, options: dict[str, Any]) -> None:
        """Choose for each picture that a place of the posts shows."""
        watermarking, profile = _choice(options["profile"])
        outputs = ImageOutput.objects.filter(chosen_in__post__isnull=False).order_by("pk")
        if posts is not None:
            outputs = outputs.filter(chosen_in__post__in=posts)
        changing = outputs.distinct().exclude(watermarking=watermarking, watermark=profile)
        total, changes = outputs.distinct().count(), changing.count()
        words = watermarks.in_words(watermarking, profile)
        self.say(f"{count_text(total, 'picture')}, {changes:,} to change. Watermark: {words}.")
        if options["dry_run"]:
            self.say("Nothing was changed: this was a dry run.")
            return
        changed = 0
        for chunk in batches(list(changing.only("pk")), CHUNK):
            answer = watermarks.set_watermark(
                outputs=chunk, watermarking=watermarking, profile=profile, user=None
            )
            changed += answer.changed
            self.say(f"{changed:,} changed.")

    def _reapply(self, posts: QuerySet[Post] | None, options: dict[str, Any]) -> None:
        profiles = [_profile(options["profile"])] if options["profile"] else _profiles_in_use()
        if not profiles:
            raise NothingCanStart("There is no watermark that is switched on.")
        for profile in profiles:
            if options["dry_run"]:
                so_far = watermark_profiles.progress(profile, posts=posts)[0]
                self.say(f"{profile}: {so_far}. Nothing was changed: this was a dry run.")
                continue
            so_far = watermark_profiles.reapply(profile=profile, user=None, posts=posts)
            self.say(f"{profile}: {count_text(so_far.places, 'place')} to look through.")


def _posts(options: dict[str, Any]) -> QuerySet[Post] | None:
    """The posts that were named; None for every post."""
    if not options["post"] and (options["all"] or options["reapply"]):
        return None  # an archive is all of it, unless posts are named
    posts = find_posts(options["post"], everything=options["all"])
    return Post.objects.filter(pk__in=[post.pk for post in posts])


def _choice(word: str | None) -> tuple[str, WatermarkProfile | None]:
    if not word:
        raise NothingCanStart("Say which watermark: --profile SLUG, none or inherit.")
    if word in (Watermarking.NONE, Watermarking.INHERIT):
        return word, None
    return Watermarking.PROFILE, _profile(word)


def _profile(word: str) -> WatermarkProfile:
    profile = WatermarkProfile.objects.filter(slug=word).first()
    if profile is None:
        slugs = WatermarkProfile.objects.order_by("slug").values_list("slug", flat=True)
        known = ", ".join(slugs) or "none yet; add one in the admin"
        raise NothingCanStart(f"There is no watermark “{word}”. Known: {known}.")
    return profile


def _profiles_in_use() -> list[WatermarkProfile]:
    return list(WatermarkProfile.objects.filter(is_active=True))
