"""The console: the admin of posts with their pictures, by subject."""

from imagegen.admin import jobs, outputs, plans, posts, slots, workers

__all__ = ["jobs", "outputs", "plans", "posts", "slots", "workers"]
