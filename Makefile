# Everything a developer calls. `make test` passes on a fresh Debian machine with Rust, a C compiler and make.
CARGO ?= cargo

.PHONY: test test-faults test-shapes test-embedded lint demo bench engines engines-down

# Everything, on embedded storage and on Kafka, Cassandra and an S3 store, which it brings up by itself (as root where
# packages are lacking; see tests/engines) unless their URLs are given. Their tests are required. That of a full disk is
# not: containers may deny mounts even to root. Where it could not run, that is the last thing said.
test: lint
	$(CARGO) test --workspace --all-targets --no-run
	tests/engines/with $(CARGO) test --workspace --all-targets --no-fail-fast
	$(CARGO) test --workspace --doc
	@unshare --map-root-user --mount true 2>/dev/null || \
	  echo 'NOT TESTED: a full disk: this machine lets nobody mount a small one (unshare)' >&2

# Engines of their own are stopped, killed, filled and cut off; then, on those of `make test`, what takes minutes. A machine
# with nothing else to do. All of it is required, full disks too: where mounts are denied (unshare, for whoever runs it) this
# fails.
test-faults: export VERBALE_FAULTS = 1
test-faults:
	VERBALE_REQUIRE="$${VERBALE_REQUIRE:+$$VERBALE_REQUIRE,}faults,namespaces" \
	  $(CARGO) test --workspace --test it -- faults:: disk:: --nocapture
	VERBALE_REQUIRE="$${VERBALE_REQUIRE:+$$VERBALE_REQUIRE,}faults" \
	  tests/engines/with $(CARGO) test --workspace --test it -- drill::engines erasures::locks::slow --nocapture

# Those scenarios in processes of their own, too, of which `make test` runs only the other two shapes: a quarter of an hour.
test-shapes:
	tests/engines/with $(CARGO) test --workspace --test it -- split --ignored

# The quick half: tests of engines whose URL is not set say that they tested nothing.
test-embedded: lint
	$(CARGO) test --workspace --all-targets --no-fail-fast

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
