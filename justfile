# What people do here, each in one word.

# everything the gate runs
ci:
    .ci/run

# all tests
test *ARGS:
    uv run --all-extras pytest {{ARGS}}

# the main job
scenarios *ARGS:
    uv run harness run scenarios {{ARGS}}

# format and mend what can be mended
fix:
    uv run ruff check --fix .
    uv run ruff format .

# lint, types, floors, spelling
lint:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy
    uv run lint-imports
    uv run typos

# long runs, outside the gate
slow:
    uv run --all-extras pytest -m slow

# speeds, both sides printed
bench:
    uv run --all-extras harness bench
