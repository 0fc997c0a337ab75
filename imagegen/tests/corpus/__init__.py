"""Hostile and odd files, made in memory and the same each time; `test_corpus` runs them.

`CORPUS` is imported by child processes too and knows no Django.
"""

from pathlib import Path

from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.tests.corpus import avif, every, jpeg, others, png, webp
from imagegen.tests.corpus.cases import Corpus, look_at, look_at_file

PARTS = {
    module.__name__.rpartition(".")[2]: module for module in (others, every, png, jpeg, webp, avif)
}
CORPUS: dict[str, Corpus] = {}
for name, module in PARTS.items():
    CORPUS[name] = Corpus()
    module.add_all(CORPUS[name])


MUTATED = {format: Corpus() for format in EXTENSIONS}
for format, corpus in MUTATED.items():
    every.add_mutations(corpus, format)


def look_at_mutated(format: str, folder: str) -> list[str]:
    """`look_at` for a child process: two thousand damaged files in all."""
    return look_at(MUTATED[format], [*MUTATED[format]], folder)


def look_at_part(part: str, names: list[str], folder: str) -> list[str]:
    """`look_at` for a child process: it is told names, and makes the files itself."""
    return look_at(CORPUS[part], names, folder)


def look_at_large(part: str, name: str, path: Path) -> list[str]:
    """`look_at_file` for a child process: making this file takes more memory than a child has."""
    return look_at_file(CORPUS[part], name, path)
