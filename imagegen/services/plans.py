"""A post's illustration plan: its style at a version of its own, a choice for each role."""

from imagegen.errors import Refused
from imagegen.models import IllustrationPlan
from prompts.models import UnknownVersion


def save_plan(*, plan: IllustrationPlan) -> IllustrationPlan:
    """Keep a plan. A style without a version is pinned to its present one, so that a later
    change of the style does not change the post's look. Raises Refused."""
    if plan.style is None:
        plan.style_version = None
    elif plan.style_version is None:
        plan.style_version = plan.style.version
    else:
        try:
            plan.style.at(plan.style_version)
        except UnknownVersion as error:
            raise Refused(str(error)) from error
    plan.save()
    return plan


def renew_style(*, plan: IllustrationPlan) -> bool:
    """Pin the newest version of the plan's style; False if it is pinned already."""
    if plan.style is None or plan.style_version == plan.style.version:
        return False
    plan.style_version = plan.style.version
    plan.save(update_fields=["style_version"])
    return True
