"""Pictures that came with a post and are shown where its text names them."""

from collections.abc import Iterable

from blog.models import Post, PostPicture


def keep_picture(
    *, post: Post, name: str, path: str, sha256: str, width: int, height: int, alt: str = ""
) -> PostPicture:
    """Note a stored picture of `post` under the `name` that its text uses.

    `path` is its name in the storage "originals". A picture of that name is replaced.
    """
    picture, _ = PostPicture.objects.update_or_create(
        post=post,
        name=name,
        defaults={"path": path, "sha256": sha256, "width": width, "height": height, "alt": alt},
    )
    return picture


def forget_pictures(*, post: Post, names: Iterable[str]) -> int:
    """Drop the notes of pictures that the text of `post` no longer names."""
    return PostPicture.objects.filter(post=post, name__in=list(names)).delete()[0]
