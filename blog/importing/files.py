"""Finding the files of posts: single files, folders with everything in them, and globs."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blog.errors import ImportProblem, printable

EXTENSIONS = frozenset({".md", ".markdown", ".mdown"})
SKIPPED_FOLDERS = frozenset({"node_modules", "_site", "__pycache__"})
LIST_PAGES = frozenset({"_index"})


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to import.

    `shown` is the path as the person wrote it, for reports. `root` bounds where its pictures
    may lie. `named` tells that the person named this very file.
    """

    path: Path
    root: Path
    shown: str
    named: bool = False

    @property
    def is_bundle(self) -> bool:
        return self.path.stem.lower() == "index"

    @property
    def source_path(self) -> str:
        """Where the post comes from: from the root's own name on, never the whole path."""
        base = Path(os.path.abspath(self.root))
        path = Path(base.name, os.path.relpath(self.path, base)).as_posix()
        return printable(path)[-500:]


@dataclass(kw_only=True)
class FoundFiles:
    """The files found, and what was asked for in vain."""

    files: list[SourceFile] = field(default_factory=list)
    problems: list[ImportProblem] = field(default_factory=list)


def real_path(path: Path) -> Path:
    """Where a path really leads. Links in a circle lead nowhere; reading them then fails."""
    # Path.resolve() raises RuntimeError for such a circle.
    return Path(os.path.realpath(path))


def same_source(one: str, other: str) -> bool:
    """Whether two source paths can mean one file: one ends in the other.

    The same file has a longer or shorter source path when an outer or inner folder is named.
    """
    parts, others = Path(one).parts[::-1], Path(other).parts[::-1]
    return bool(parts) and all(a == b for a, b in zip(parts, others, strict=False))


def find_files(paths: Iterable[str | os.PathLike]) -> FoundFiles:
    """The Markdown files under `paths`, in order of name, each once."""
    found = FoundFiles()
    seen: set[Path] = set()
    for given in paths:
        for file in _files_of(os.fspath(given), found.problems):
            if (real := real_path(file.path)) not in seen:
                seen.add(real)
                found.files.append(file)
    return found


def _files_of(given: str, problems: list[ImportProblem]) -> Iterator[SourceFile]:
    path = Path(given)
    if path.is_dir():
        yield from _in_folder(path, problems)
    elif path.is_file():
        yield from _named_file(path, problems)
    elif glob.has_magic(given):
        yield from _in_glob(given, problems)
    else:
        problems.append(ImportProblem("There is no such file or folder.", file=given))


def _named_file(path: Path, problems: list[ImportProblem]) -> Iterator[SourceFile]:
    if path.suffix.lower() in EXTENSIONS:
        yield SourceFile(path=path, root=path.absolute().parent, shown=str(path), named=True)
    else:
        reason = f"This is no Markdown file: its name must end in {', '.join(sorted(EXTENSIONS))}."
        problems.append(ImportProblem(reason, file=str(path)))


def _in_glob(pattern: str, problems: list[ImportProblem]) -> Iterator[SourceFile]:
    matches = sorted(glob.glob(pattern, recursive=True))
    fixed = Path(os.path.dirname(pattern[: _first_magic(pattern)]) or ".")
    wanted = [Path(match) for match in matches if _is_wanted(Path(match))]
    if not wanted:
        problems.append(ImportProblem("No Markdown file matches this pattern.", file=pattern))
    for path in wanted:
        if path.is_dir():
            yield from _in_folder(path, problems, root=fixed)
        else:
            yield from _bounded(path, fixed, problems)


def _first_magic(pattern: str) -> int:
    return min(pattern.index(mark) for mark in "*?[" if mark in pattern)


def _is_wanted(path: Path) -> bool:
    if path.is_dir():
        return not path.name.startswith(".") and path.name not in SKIPPED_FOLDERS
    return path.suffix.lower() in EXTENSIONS and path.stem.lower() not in LIST_PAGES


def _in_folder(
    folder: Path, problems: list[ImportProblem], root: Path | None = None
) -> Iterator[SourceFile]:
    """Everything under `folder`; links to other folders are not followed."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_wanted(Path(here, name)))
        for name in sorted(files):
            if _is_wanted(path := Path(here, name)):
                yield from _bounded(path, root or folder, problems)


def _bounded(path: Path, root: Path, problems: list[ImportProblem]) -> Iterator[SourceFile]:
    """The file, unless it is a link that leads out of the folder."""
    if real_path(path).is_relative_to(real_path(root)):
        yield SourceFile(path=path, root=root, shown=str(path))
    else:
        reason = "This is a link to a file outside the imported folder; name that file itself."
        problems.append(ImportProblem(reason, file=str(path)))
