# `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

CARGO_DENY := 0.20.2
TOOLS := $(CURDIR)/.cache/tools

# Property tests draw the same cases in each run, so that a change is judged by what it changed;
# `make test PROPTEST_RNG_SEED=$$RANDOM` draws others.
export PROPTEST_RNG_SEED ?= 1

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: setup
setup: ## install what the build and the tests need (root on Debian, Ubuntu), or name it
	@.ci/setup test

.PHONY: build
build: ## all programs, in the profile that demo and tests share
	@.ci/setup build
	cargo build --locked --workspace --bins

.PHONY: test
test: ## unit, property and integration tests, then the stories on a real Apache Kafka (on librdkafka's mock without Java or Maven)
	@.ci/setup test
	cargo test --locked --workspace --exclude imagejob-e2e --no-fail-fast
	@$(MAKE) --no-print-directory stories

.PHONY: stories
stories: ## the stories alone: real processes, a real broker where Java and Maven are
	cargo build --locked --workspace --bins
	@broker=kafka; e2e/cluster/kafka/kafka jars || { broker=mock; \
	  echo "SKIPPED: real Apache Kafka, for the reason above. The stories run on librdkafka's mock, which shows nothing about durability or rebalances."; }; \
	IMAGEJOB_TEST_BROKER=$$broker cargo test --locked --package imagejob-e2e --no-fail-fast -- --nocapture --test-threads=1

.PHONY: e2e
e2e: ## stories on a real Kubernetes: kind where a Docker daemon answers, else built from source (Linux, root, Go; the first time takes minutes)
	@IMAGE_PROFILE=dev image/build
	@case $$(e2e/cluster/provider) in */kube) .ci/setup cluster && e2e/cluster/kube/selftest ;; esac
	@e2e/cluster/with-cluster cargo test --locked --package imagejob-e2e --features cluster --test kubernetes -- --nocapture --test-threads=1

.PHONY: scale
# Where other parts of Kubernetes work along with the operator, they have the limits on requests that they have unless told otherwise.
scale: ## what thousands of jobs and pods cost, on simulated nodes: make scale SCENARIO=reaction|rest|steady|ramp
	@.ci/setup cluster
	cargo build --locked --release --bin imagejob-operator
	@KUBE_AUDIT=yes KUBE_APISERVER_FLAGS=--audit-log-maxsize=10000 $(if $(filter rest steady,$(SCENARIO)),,KUBE_CONTROLLER_MANAGER_FLAGS= KUBE_SCHEDULER_FLAGS=) \
	  e2e/cluster/with-cluster kwok cargo bench --locked --package imagejob-e2e --features cluster --bench scale -- $(or $(SCENARIO),reaction)

.PHONY: image
image: ## both container images as archives in target/images, without Docker (release build)
	@.ci/setup build
	@image/build

.PHONY: cluster-up
cluster-up: ## a real Kubernetes in target/cluster that stays: IMAGEJOB_CLUSTER_DIR=target/cluster e2e/cluster/with-cluster ... uses it
	@[[ $$(e2e/cluster/provider) == */kind ]] || .ci/setup cluster
	@$$(e2e/cluster/provider) up all $(CURDIR)/target/cluster

.PHONY: cluster-down
cluster-down: ## end it
	@$$(e2e/cluster/provider) down $(CURDIR)/target/cluster

.PHONY: demo
demo: ## about a minute of real photographs from Kafka to results on this machine: burst, scheduled peak, a killed worker
	@.ci/setup build
	cargo build --locked --package imagejob --package imagejob-worker
	@demo/run

.PHONY: examples
examples: ## the pictures of docs/examples.md, drawn again: posters and pages, judged, with verdicts on them
	@.ci/setup build
	cargo build --locked --package imagejob
	@docs/examples/draw

.PHONY: fuzz
fuzz: ## bytes that nobody would send, guided by coverage, for each decoder and parser: make fuzz RUNS=1000000 TARGET="jpeg messages" (Linux; an hour of one core for all)
	@.ci/setup build
	@RUNS=$(or $(RUNS),1000000) fuzz/run $(TARGET)

.PHONY: bench
bench: ## start times, memory, time per photo, recognition, policies and delivery against rivals (release build; about 50 min, of which 15 measure delivery)
	@.ci/setup test
	cargo build --locked --release --package imagejob --package imagejob-worker
	cargo bench --locked --package imagejob-scaling --bench policies -- 1..4
	cargo bench --locked --package imagejob-vision --bench accuracy
	cargo bench --locked --package imagejob-e2e --bench figures
	cargo bench --locked --package imagejob-e2e --bench delivery

.PHONY: soak
soak: ## long runs: a million records under chaos (RECORDS, SEED), a million ledgers of any text, windows of wall-clock time over the jumps of all zones with other cases each time
	@.ci/setup test
	cargo build --locked --release --package imagejob-worker
	cargo bench --locked --package imagejob-e2e --bench delivery -- soak
	cargo build --locked --workspace --bins
	IMAGEJOB_LONG_ITEM_SECONDS=600 IMAGEJOB_TEST_BROKER=kafka cargo test --locked --package imagejob-e2e --test long_item -- --nocapture
	PROPTEST_CASES=1000000 PROPTEST_RNG_SEED=$$RANDOM cargo test --locked --release --package imagejob-ledger --test any_text
	IMAGEJOB_ZONE_CASES=5000 PROPTEST_RNG_SEED=$$RANDOM cargo test --locked --release --package imagejob-scaling --test zones

.PHONY: verify
verify: fmt lint docs deny tidy manifests-check ## what a change must pass besides the tests: fmt, lint, docs, deny, tidy, manifests-check

.PHONY: fmt
fmt: ## formatting is rustfmt's
	cargo fmt --all --check

.PHONY: lint
lint: ## clippy, with warnings as errors
	@.ci/setup build
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package imagejob-fuzz --features libfuzzer,worker --all-targets -- -D warnings

.PHONY: docs
docs: ## the API documentation builds without a warning
	@.ci/setup build
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

.PHONY: deny
deny: ## licences, double versions and sources of the crates
	@command -v cargo-deny >/dev/null || [ -x $(TOOLS)/bin/cargo-deny ] || \
	  { echo "building cargo-deny $(CARGO_DENY) into .cache, once (3 min on 2 cores)"; cargo install --quiet --locked --version $(CARGO_DENY) --root $(TOOLS) cargo-deny; }
	PATH="$$PATH:$(TOOLS)/bin" cargo deny --workspace check licenses bans sources

.PHONY: tidy
tidy: ## line and file lengths, names, executable bits
	cargo test --locked --package imagejob-e2e --test tidy --quiet

.PHONY: manifests
manifests: ## manifests/install.yaml and namespace-install.yaml from their kustomize bases
	@manifests/generate

.PHONY: manifests-check
manifests-check: ## the two are what the bases give, where kubectl is to be had
	@manifests/generate --check

.PHONY: clean
clean: ## remove what was built and cached
	cargo clean
	rm -rf .cache
