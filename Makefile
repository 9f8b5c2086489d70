# Carillon from a clone: `make run` starts a hub, `make test` shows that it works. `make` alone lists the rest.

DATA ?= .carillon
LISTEN ?= 127.0.0.1:8787
STORE ?= sqlite
SERVE ?=
SANITIZE ?=
BENCH ?=
SECONDS ?= 60
TARGET ?=

# Dynamic exclusivity checks cost 3x in user time on the frame path (measured). Debug builds and so the tests keep them,
# and a violation is still found there. -Ounchecked is not used: it gains nothing more and removes preconditions.
# Optimising across our modules as a whole, beyond what the compiler does by itself, gave 9 % more deliveries a CPU second
# to lone pushes and 5 % more durable changes a second (medians of five alternating runs), and builds in the same time.
RELEASE = -c release --product carillon -Xswiftc -enforce-exclusivity=unchecked -Xswiftc -cross-module-optimization
HUB = .build/release/carillon

.PHONY: help run build test lint bench fuzz autobahn schemathesis clean

help: ## list the targets (the default)
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@printf '%s\n' '' 'Variables: DATA=$(DATA) LISTEN=$(LISTEN) STORE=$(STORE) (run; postgres: one of its own), SERVE=options (run, as --tls-self-signed), SANITIZE=thread|address (test), BENCH=options (bench), SECONDS=60 TARGET=http (fuzz)'

run: build ## install what is missing, build, and start the hub; prints the push and tail lines to try
ifeq ($(STORE),postgres)
	@.ci/install --postgres
	@exec .ci/postgres run '$(DATA)/postgres' -- \
		$(HUB) serve --quick-start --data '$(DATA)' --listen '$(LISTEN)' $(SERVE)
else
	@exec $(HUB) serve --quick-start --data '$(DATA)' --listen '$(LISTEN)' --store '$(STORE)' $(SERVE)
endif

build: ## install what the build needs, and build the release binary
	@.ci/install
	swift build $(RELEASE)

test: ## install what the tests need, build, and run the whole suite
	@.ci/install --tests
	@SANITIZE='$(SANITIZE)' .ci/test

lint: ## check the format of every source file
	swift format lint --strict --parallel -r Sources Tests
	@echo 'lint: clean'

bench: build ## measure codec, scanner, frames, resolver and stores; BENCH='--filter json' for a part
	@$(HUB) bench $(BENCH)

fuzz: ## run each fuzzer of Tests/Fuzz for SECONDS, or those whose names begin with TARGET; fails on a finding
	@.ci/install
	@SECONDS_EACH='$(SECONDS)' Tests/Fuzz/run $(TARGET)

autobahn: build ## run Autobahn|Testsuite's WebSocket cases (CPython 2.7; status 3 of the script where there is none)
	@.ci/install --autobahn
	@HUB=$(HUB) Tests/Autobahn/run

schemathesis: build ## run Schemathesis on the REST routes that Protocol/openapi.yaml describes (PyPI; under 3 minutes)
	@.ci/install --schemathesis
	@HUB=$(HUB) Tests/Schemathesis/run

clean: ## remove what was built (never the data folder)
	rm -rf .build .build-*
