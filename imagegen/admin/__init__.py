"""The console: the admin of posts with their pictures, by subject."""

from imagegen.admin import attempts, jobs, money, outputs, plans, posts, slots, watermarks, workers

__all__ = [
    "attempts",
    "jobs",
    "money",
    "outputs",
    "plans",
    "posts",
    "slots",
    "watermarks",
    "workers",
]
