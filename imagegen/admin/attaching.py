"""The page on which pictures of a removed section are given to another one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from blog.models import Post, Section
from imagegen.admin.base import go_back, number_from, tell
from imagegen.models import ImageSlot
from imagegen.services import slots
from prompts.models import Role

FOUND_POSTS = 20


class AttachingPages:
    """Adds the page "attach" to the admin of places."""

    def attach_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Find a post, then one of its sections, for a detached place."""
        slot = self._slot(request, pk, self.has_approve_permission(request))
        if slot is None:
            return self.gone(request, pk)
        if request.method == "POST":
            section = Section.objects.filter(pk=number_from(request.POST.get("section"))).first()
            if section is None:
                messages.error(request, "Choose a section.")
            elif tell(
                request,
                slots.attach_slot,
                f"The pictures belong to “{section}” now.",
                slot=slot,
                section=section,
            ):
                return go_back(request, self._own_page(slot))
        words = request.GET.get("q", "")
        post = Post.objects.filter(pk=number_from(request.GET.get("post"))).first()
        post = post or (slot.post if not words else None)
        found = Post.objects.filter(title__icontains=words)[:FOUND_POSTS] if words else []
        context = self.page_context(
            request,
            slot,
            "Attach these pictures to a section",
            slot=slot,
            words=words,
            found=found,
            post=post,
            sections=_sections_of(post),
        )
        return TemplateResponse(request, "admin/imagegen/attach.html", context)


def _sections_of(post: Post | None) -> list[tuple[Section, ImageSlot | None]]:
    """A post's sections, each with its place."""
    if post is None:
        return []
    places = ImageSlot.objects.filter(post=post, role=Role.SECTION).select_related("choice")
    by_section = {slot.section_id: slot for slot in places}
    return [(section, by_section.get(section.pk)) for section in post.sections.all()]
