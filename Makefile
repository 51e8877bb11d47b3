# Everything a developer calls. `make test` passes on a fresh Debian machine with Rust, a C compiler and make.
CARGO ?= cargo

.PHONY: test check lint demo bench

test: lint
	$(CARGO) test --workspace --all-targets --no-fail-fast
	$(CARGO) test --workspace --doc

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

demo:
	$(CARGO) run --release -- demo

bench:
	$(CARGO) bench --workspace
