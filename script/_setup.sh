# Sourced by the other scripts: finds Python, makes .venv and installs the pinned packages.
# Plain POSIX sh. Call `prepare requirements.txt…`; then "$PYTHON" is the one to run.
# The variable PYTHON may name the interpreter that .venv is made with.

set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
VENV=$ROOT/.venv
OLDEST=3.11

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < (${OLDEST%.*}, ${OLDEST#*.}))" 2>/dev/null
}

# The first usable interpreter: $PYTHON, else the version we test with, else what there is.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python $OLDEST or newer."
        printf '%s' "$PYTHON"
        return
    fi
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if is_new_enough "$name"; then
            printf '%s' "$name"
            return
        fi
    done
    fail "Python $OLDEST or newer is missing. On Debian: apt-get install python3 python3-venv"
}

# uv if it is there and works: it installs several times faster than pip.
has_uv() {
    uv --version >/dev/null 2>&1
}

make_venv() {
    is_new_enough "$VENV/bin/python" && return
    base=$(find_python)
    rm -rf "$VENV"
    say "Making the virtual environment .venv with $("$base" -V) …"
    if has_uv; then
        uv venv --quiet --python "$base" "$VENV" || fail "uv could not make .venv."
    elif "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        "$base" -m venv "$VENV" || fail "Python could not make .venv."
    else
        version=$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "Python's venv module is missing. On Debian: apt-get install python$version-venv"
    fi
}

# Installs the files of pinned packages, unless these very files were installed before.
install_packages() {
    stamp=$VENV/.installed
    sums=$(cd "$ROOT" && cksum -- "$@")
    touch "$stamp"
    printf '%s\n' "$sums" | grep -qvxF -f "$stamp" || return 0
    say "Installing the pinned packages of $* …"
    files=''
    for file in "$@"; do
        files="$files -r $file"
    done
    # $files is a list of words without spaces, made just above.
    # shellcheck disable=SC2086
    if has_uv; then
        (cd "$ROOT" && uv pip install --quiet --compile-bytecode --python "$VENV/bin/python" \
            --require-hashes $files)
    else
        "$VENV/bin/python" -m pip --version >/dev/null 2>&1 ||
            "$VENV/bin/python" -m ensurepip >/dev/null ||
            fail "pip is missing in .venv, and Python cannot add it: remove .venv and try again."
        (cd "$ROOT" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes $files)
    fi || fail "the packages could not be installed: see above, then run $0 again."
    # Compiled once, so that every command starts fast wherever bytecode is not kept by itself.
    (cd "$ROOT" && "$VENV/bin/python" -m compileall -q blog config imagegen prompts providers)
    printf '%s\n' "$sums" >"$stamp"
}

prepare() {
    make_venv
    install_packages "$@"
    PYTHON=$VENV/bin/python
    # Scripts stand for themselves: a .env made for a real blog is not theirs to use.
    ENV_FILE=${ENV_FILE:-/dev/null}
    export ENV_FILE
    cd "$ROOT"
}
