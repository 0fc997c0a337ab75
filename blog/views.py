"""Public pages: the newest posts, a tag's posts, one post, and pictures that came with a post."""

from functools import wraps

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from blog.files import private_storage
from blog.models import Post, PostPicture, PostQuerySet, SlugHistory, Tag
from blog.pages import PostPage

# Pages need no script, and styles only from our sheet and in `style` attributes of our own
# (colours of pictures that are still loading); the text itself is sanitised and has none.
CONTENT_POLICY = "; ".join(
    [
        "default-src 'none'",
        "img-src 'self' https: data:",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
PICTURE_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
FOR_EVER = "max-age=31536000, immutable"


def public_page(view):
    """A page that is only read, with the content policy set."""

    @wraps(view)
    def wrapped(*args, **kwargs) -> HttpResponse:
        response = view(*args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        return response

    return require_safe(wrapped)


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of an answer that names none, such as a picture."""
    return redirect(static("blog/icon.svg"))


@public_page
def index(request: HttpRequest) -> HttpResponse:
    """The newest posts; the first page shows the newest one large."""
    page = _page(request, Post.objects.visible())
    return render(request, "blog/index.html", {"page": page, "posts": list(page)})


@public_page
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """The posts of one tag, newest first."""
    found = get_object_or_404(Tag, slug=slug)
    page = _page(request, found.posts.visible())
    return render(request, "blog/tag.html", {"tag": found, "page": page, "posts": list(page)})


@public_page
def post_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """A post. Its former addresses redirect; drafts show themselves to those permitted."""
    post = _post(request, slug)
    if post is None:
        former = get_object_or_404(SlugHistory.objects.select_related("post"), slug=slug)
        if not _may_read(request, former.post):
            raise Http404("There is no post at this address.")
        return redirect(former.post, permanent=True)
    earlier, later = _neighbours(post)
    context = {"post": post, "article": PostPage.of(post), "earlier": earlier, "later": later}
    response = render(request, "blog/post.html", context)
    if not post.is_public:
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def post_picture(request: HttpRequest, pk: int, file_name: str) -> FileResponse:
    """A picture that came with a post, for whoever may read the post."""
    picture = _picture(pk, file_name)
    if picture is None or not _may_read(request, picture.post):
        raise Http404("There is no picture at this address.")
    try:
        file = private_storage().open(picture.path)
    except FileNotFoundError as error:
        raise Http404("There is no picture at this address.") from error
    kind = PICTURE_TYPES.get(file_name.rpartition(".")[2], "application/octet-stream")
    visibility = f"public, {FOR_EVER}" if picture.post.is_public else "private, no-store"
    headers = {
        "Cache-Control": visibility,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(file, content_type=kind, headers=headers)


def _page(request: HttpRequest, posts: PostQuerySet) -> Page:
    """The page that `?page=` asks for; a number that cannot be is 404."""
    paginator = Paginator(posts.newest_first().for_cards(), settings.POSTS_PER_PAGE)
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= paginator.num_pages):
        raise Http404("There is no such page.")
    return paginator.page(int(number))


def _post(request: HttpRequest, slug: str) -> Post | None:
    posts = Post.objects.select_related("author").prefetch_related("tags")
    post = posts.filter(slug=slug).first()
    return post if post and _may_read(request, post) else None


def _may_read(request: HttpRequest, post: Post) -> bool:
    return post.is_public or request.user.has_perm("blog.read_drafts")


def _picture(pk: int, file_name: str) -> PostPicture | None:
    digest = file_name.partition(".")[0]
    found = PostPicture.objects.filter(post__id=pk, sha256__startswith=digest)
    pictures = found.select_related("post").defer("post__body")
    return next((one for one in pictures if one.file_name == file_name), None)


def _neighbours(post: Post) -> tuple[Post | None, Post | None]:
    """The public posts before and after this one in time."""
    if not post.published_at:
        return None, None
    others = Post.objects.visible().only("title", "slug", "language", "published_at")
    same = Q(published_at=post.published_at)
    before = others.filter(Q(published_at__lt=post.published_at) | same & Q(pk__lt=post.pk))
    after = others.filter(Q(published_at__gt=post.published_at) | same & Q(pk__gt=post.pk))
    return before.newest_first().first(), after.order_by("published_at", "pk").first()
