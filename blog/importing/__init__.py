"""Importing posts from Markdown files as static site generators write them.

Front matter is YAML between `---`, TOML between `+++`, or a JSON object. Understood keys, by
any capitals and with `-` or `_`, at the top level or under `extra`, `params` or `taxonomies`:

===========  ================================================================================
title        `title`; else the first first-rank heading, which then leaves the text; else the
             file's name
slug         `slug`; else the last part of `path`, `permalink` or `url`; else the file's name
             without its date, or the folder's name of a bundle (`folder/index.md`)
old slugs    the last parts of `aliases` and `redirect_from`
date         `date`, `pubDate`, `publishDate` and their kin; else a date in the file's name or
             in its `path`. A `publishDate` or date in the future schedules the post
status       `draft: true`, `published: false`, `status: draft` or a folder `_drafts`: draft
text         `description` / `summary`; `author` / `authors`; `lang`; `tags`, `categories`
hero         `hero`, `image`, `cover`, `featured_image`, `heroImage`, `thumbnail`, `teaser`
split_level  heading level that starts a section, 0 for none
===========  ================================================================================

`find_files` finds the files, `read_post_file` reads one without touching the database,
`import_post` stores it and `import_paths` does it all. Text is read as UTF-8, or as UTF-16 or
UTF-32 with a byte order mark; anything else is refused with the place. What other programs'
markup becomes is told in `blog.importing.dialects`.

List pages (`_index.md`) are left out, and so is a `README.md` without front matter that is
found in a folder, because it speaks of the folder. Hidden folders are not entered.
"""

from blog.errors import ImportProblem
from blog.importing.files import FoundFiles, SourceFile, find_files
from blog.importing.posts import ParsedPost, read_post_file
from blog.importing.runs import (
    ImportReport,
    ImportResult,
    Outcome,
    import_paths,
    import_post,
)

__all__ = [
    "FoundFiles",
    "ImportProblem",
    "ImportReport",
    "ImportResult",
    "Outcome",
    "ParsedPost",
    "SourceFile",
    "find_files",
    "import_paths",
    "import_post",
    "read_post_file",
]
