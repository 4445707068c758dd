# Everything a developer runs. The recipes are short on purpose: what needs
# more than a line is a script in scripts/, which can be run by itself.

GOFLAGS_BUILD := -trimpath -ldflags "-s -w"
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help run build build-hsm check vet test test-deps soak bench fuzz clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build what changed and start the platform with its data in ./data
	bin/certwright serve --data ./data

build: ## build bin/certwright, a static binary with the portal inside
	@scripts/versions
	@scripts/portal
	go build $(GOFLAGS_BUILD) -o bin/certwright ./cmd/certwright

build-hsm: ## build bin/certwright-hsm: with cgo, for keys behind PKCS#11
	@scripts/versions
	@scripts/portal
	CGO_ENABLED=1 go build $(GOFLAGS_BUILD) -tags hsm -o bin/certwright-hsm ./cmd/certwright

check: ## seconds: gofmt, vet, staticcheck, unit tests on SQLite
	@scripts/versions
	scripts/vet
	go test -short -parallel 8 ./...

test: test-deps build vet ## what CI runs: every test, on both engines, with real clients
	go build -o .cache/withpostgres ./scripts/withpostgres
	.cache/withpostgres scripts/test

vet: # gofmt, vet and staticcheck over every module
	scripts/vet

test-deps: # as root on Debian: install the programs that tests drive
	scripts/test-deps

soak: test-deps build ## hours: kill tests by the thousand, race detector, long fuzzing
	go build -o .cache/withpostgres ./scripts/withpostgres
	CERTWRIGHT_SOAK=1 TEST_TIMEOUT=12h .cache/withpostgres scripts/test
	CGO_ENABLED=1 .cache/withpostgres go test -race -timeout 2h ./...
	FUZZTIME=$${FUZZTIME:-10m} scripts/fuzz

bench: build ## benchmarks, those of test/bench against named baselines
	go build -o .cache/withpostgres ./scripts/withpostgres
	.cache/withpostgres scripts/bench

fuzz: ## every fuzz target for FUZZTIME (30s); FUZZ=pattern chooses
	@scripts/fuzz

clean: ## remove what was built; ./data stays
	rm -rf bin .cache internal/portal/pages/app web/node_modules
