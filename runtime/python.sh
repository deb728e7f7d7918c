# Sourced by the scripts: sets $python to a Python 3.11 or later, or says what to install.
# A Python that can build virtual environments is preferred: some systems ship one without that part.

fits() {
    "$1" -c "import sys$3; sys.exit(not ($2))" >/dev/null 2>&1
}

find_python() {
    local candidates=(
        ${HALL_PYTHON:+"$HALL_PYTHON"} python3 python3.13 python3.12 python3.11 python
        /usr/local/bin/python3 /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11
        /opt/homebrew/bin/python3
    )
    local requirement
    for requirement in "(3,11)<=sys.version_info<(3,14)|, ensurepip, venv" "sys.version_info>=(3,11)|, venv"; do
        for python in "${candidates[@]}"; do
            if fits "$python" "${requirement%%|*}" "${requirement##*|}"; then
                return 0
            fi
        done
    done
    echo "The hall needs Python 3.11 or later, and none was found." >&2
    echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or set HALL_PYTHON to its path." >&2
    return 1
}

find_python || exit 1
