# The front door of the project: `make` alone lists the tasks.
#
# Needs GNU make, npm and any Node from 18 on. Where the `node` on the PATH is
# older than the project wants, scripts/toolchain puts one into .toolchain/.

.DEFAULT_GOAL := help
# Flags of our own also make sure that every line runs in the shell, and so
# with the PATH of the next line.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
export PATH := $(CURDIR)/.toolchain/bin:$(CURDIR)/node_modules/.bin:$(PATH)

# `make chat USER=bob` means the person, not the login name that every shell exports.
ifeq ($(origin USER),command line)
export P2P_CHAT_USER := $(USER)
endif

# Further arguments of the program or of Vitest: `make test ARGS=-u`. Not from
# the environment, where a make around this one may have left its own.
ARGS =

.PHONY: help
help: ## list the tasks
	@echo 'p2p-chat: private messaging for the machines of one local network'
	@echo
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

##### Run it

.PHONY: chat
chat: build ## open the console; a second person: make chat USER=bob
	@node scripts/chat.ts $(ARGS)

.PHONY: web
web: build ## open the page in a browser; a second person: make web USER=bob
	@node scripts/chat.ts web $(ARGS)

.PHONY: demo
demo: build ## see all of it alone: discovery, a peer that answers, the console
	@node scripts/demo.ts $(ARGS)

.PHONY: discovery
discovery: build ## run the discovery service in the foreground (port 7777)
	@exec node discovery-service/dist/main.js

##### Build it

.PHONY: prepare
prepare:
	@scripts/locked scripts/toolchain
	@scripts/locked scripts/dependencies

.PHONY: build
build: prepare ## compile what changed
	@scripts/locked tsc -b
	@scripts/locked scripts/page

.PHONY: docker
docker: ## build both container images and print their sizes
	@docker compose build
	@docker image ls --format 'table {{.Repository}}\t{{.Tag}}\t{{.Size}}' --filter 'reference=p2p-chat/*'

##### Test it

.PHONY: test
test: build ## run the tests that need only Node
	@vitest run --project unit --project e2e $(ARGS)

.PHONY: test-long
test-long: build ## run those that need only Node and take longer: failing disks, floods, large numbers, restores
	@vitest run --project e2e-long --maxWorkers 2 $(ARGS)

.PHONY: check
check: lint types format claims man-check unit ## lint, types, format, the man page, what the documents say of tests, and the unit tests

.PHONY: lint
lint: build
	@eslint .
	@depcruise --config .dependency-cruiser.js shared/src discovery-service/src chat-node/src web/src

.PHONY: types
types: build
	@tsc -p tsconfig.check.json
	@tsc -p web/tsconfig.json
	@tsc -p tsconfig.browser.json

.PHONY: format
format: prepare
	@prettier --check --log-level warn .

.PHONY: man
man: build ## write the man page anew, from the program itself
	@node scripts/man.ts

.PHONY: man-check
man-check: build
	@node scripts/man.ts --check

.PHONY: claims
claims: prepare
	@node scripts/check-claims.ts

.PHONY: unit
unit: build
	@vitest run --project unit $(ARGS)

.PHONY: fix
fix: prepare ## format everything and mend what the linter can
	@eslint --fix .
	@prettier --write --log-level warn .

.PHONY: test-web
test-web: build ## run the tests of the page in a real browser (needs Debian's chromium, or CHROMIUM=path)
	@vitest run --project e2e-web $(ARGS)

.PHONY: test-mongo
test-mongo: build ## run the tests on MongoDB (MONGODB_URI_TEST, or a container)
	@scripts/with-mongo vitest run --project unit --project e2e --project e2e-long --maxWorkers 2 --testNamePattern '[Mm]ongo' chat-node/src/storage/mongo chat-node/src/transport/silent-block discovery-service/src/registry/mongo e2e/actions e2e/storage e2e/restore e2e/groups e2e/replicas e2e/simultaneous $(ARGS)

.PHONY: test-lan
test-lan: build ## run the tests of whole networks (needs root, ip and iptables)
	@vitest run --project e2e-lan --maxWorkers 2 $(ARGS)

.PHONY: test-lan-mongo
test-lan-mongo: build ## run those of whole networks whose nodes are on MongoDB
	@scripts/with-mongo vitest run --project e2e-lan --maxWorkers 2 --testNamePattern 'on MongoDB' lan-clock lan-link $(ARGS)

.PHONY: test-chaos
test-chaos: build ## kill nodes and cut their lines for some minutes, on both stores
	@scripts/with-mongo vitest run --project e2e-chaos $(ARGS)

.PHONY: chaos
chaos: build ## a longer campaign of that: ROUNDS=1000 MEMBERS=20 SEED=n STORAGE=sqlite|mongodb
	@$(if $(filter mongodb,$(STORAGE)),scripts/with-mongo )node e2e/chaos/campaign.ts

.PHONY: test-docker
test-docker: build docker ## run the tests of the containers (needs Docker)
	@vitest run --project e2e-docker $(ARGS)

.PHONY: fuzz
fuzz: build ## throw mutated input at every edge; replay: make fuzz ARGS='--seed N --target wire --case N'
	@node e2e/fuzz/run.ts $(ARGS)

.PHONY: bench
bench: bench-delivery bench-groups bench-links bench-discovery bench-streams bench-storage bench-search bench-hashing bench-console ## run every benchmark

.PHONY: bench-delivery
bench-delivery: build ## measure delivery between two nodes, beside the floor
	@node bench/delivery.ts $(ARGS)

.PHONY: bench-groups
bench-groups: build ## measure groups of 20 and of 200 beside a pair; in a minute: ARGS=--short
	@node bench/groups.ts $(ARGS)

.PHONY: bench-discovery
bench-discovery: build ## measure one discovery service and ten thousand nodes, beside the floor
	@node bench/discovery.ts $(ARGS)

.PHONY: bench-streams
bench-streams: build ## measure ten thousand event streams at one discovery service
	@node bench/streams.ts $(ARGS)

.PHONY: bench-links
bench-links: build ## measure what a message costs over 1,000 links beside one, and what idle links cost
	@node bench/links.ts $(ARGS)

.PHONY: bench-storage
bench-storage: build ## measure the stores (MongoDB where MONGODB_URI_TEST is set), and a conversation of 1,000,000
	@node bench/storage.ts $(ARGS)
	@node bench/long-conversation.ts

.PHONY: bench-console
bench-console: build ## measure how soon the console shows a key, alone and in a burst of messages
	@node bench/console.ts $(ARGS)

.PHONY: bench-web
bench-web: build ## measure the page in a real browser, with a conversation of 1,000,000, beside a bare one
	@node bench/web.ts $(ARGS)

.PHONY: bench-files
bench-files: build ## measure a large file and many small ones, beside the floor, scp and rsync: ARGS='--mib 4096'
	@node bench/files.ts $(ARGS)

.PHONY: bench-hashing
bench-hashing: build ## measure what hashing and signing cost a message, beside neither
	@node bench/hashing.ts $(ARGS)

.PHONY: bench-search
bench-search: build ## measure search over a million messages
	@node bench/search.ts $(ARGS)

.PHONY: pictures
pictures: build ## make the pictures of the documents anew, from the real program
	@node scripts/pictures.ts
	@node scripts/page-pictures.ts

.PHONY: first-minutes
first-minutes: build ## write docs/first-minutes.md anew, as a new user at a real terminal
	@node scripts/first-minutes.ts

.PHONY: audit
audit: prepare ## ask the registry for known holes in the production packages
	@node scripts/audit.ts $(ARGS)

.PHONY: licences
licences: prepare ## list every production package with its licence
	@node scripts/licences.ts

##### Clean it

.PHONY: clean
clean: ## remove what was built
	@rm -rf shared/dist discovery-service/dist chat-node/dist web/dist coverage .demo .run

.PHONY: distclean
distclean: clean ## remove the dependencies and the toolchain too
	@rm -rf node_modules .toolchain
