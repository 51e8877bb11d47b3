# Everything a developer calls. `make test` passes on a fresh Debian machine with Rust, a C compiler and make.
CARGO ?= cargo

.PHONY: test test-engines lint demo bench engines engines-down

# Embedded storage only. Tests of engines whose URL is not set say that they tested nothing.
test: lint
	$(CARGO) test --workspace --all-targets --no-fail-fast
	$(CARGO) test --workspace --doc

# The same on real engines, which it starts by itself (see tests/engines), as root where packages are lacking; their
# tests are required.
test-engines: lint
	$(CARGO) test --workspace --all-targets --no-run
	tests/engines/with $(CARGO) test --workspace --all-targets --no-fail-fast

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

demo:
	$(CARGO) run --release -- demo

bench:
	$(CARGO) bench --workspace
	$(CARGO) run --release -- bench ingest

# Leaves them running; `eval "$(tests/engines/up)"` exports their URLs too.
engines:
	@tests/engines/up

engines-down:
	@tests/engines/down
