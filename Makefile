.DEFAULT_GOAL := help
.PHONY: help run build test lint fmt bench soak openapi generate screenshots release
.PHONY: help run build test test-dsn rehearse lint fmt bench soak failover openapi generate screenshots

# The tools are pinned in a module of their own.
TOOL := go tool -modfile=tools/go.mod

# Packages that talk to a database. They are tested a second time with every
# transaction of PostgreSQL at SERIALIZABLE, where any may be asked to try again.
STORAGE := ./internal/sqldb/... ./internal/audit ./internal/idempotency ./internal/jobs ./internal/auth ./internal/directory ./internal/scheduling

# Packages with goroutines of their own, and those that many callers share. They
# are tested a second time with the race detector, and so is the whole server
# when everybody wants the same slot.
SHARED := ./internal/sqldb ./internal/idempotency ./internal/jobs ./internal/auth ./internal/scheduling

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the demo clinic on the embedded database
	go run ./cmd/medbook demo

build: ## Build ./medbook
	CGO_ENABLED=0 go build -trimpath -o medbook ./cmd/medbook

test: ## Run every test, installing what is missing
	./scripts/need.sh
	go mod download
	cd tools/provider && go mod download && go vet .
	cd tools/release && go mod download && go mod tidy -diff && go vet .
	cd tools/prometheus && go vet . && go test .
	cd tools/litestream && go mod download
	go mod tidy -diff
	go vet ./...
	go vet -tags testclock ./internal/app
	go vet -tags unlockedreplay ./internal/idempotency
	MEDBOOK_TEST_ISOLATION=serializable go test $(STORAGE)
	go test -race -skip TestAKill $(SHARED)
	go test -race -skip TestNothingIsLostOrDeliveredTwice ./internal/notify
	go test -race -run 'TestNobodyIsDoubleBooked|TestTheServerFinishes' ./e2e
	go test -timeout 75m ./...
	[ "$$(go env GOOS)" != linux ] || go -C tools/release test -timeout 40m .

test-dsn: ## Run the tests of storage on the server that MEDBOOK_TEST_DSN names
	@test -n "$$MEDBOOK_TEST_DSN" || { echo "MEDBOOK_TEST_DSN is to be an address such as postgres://user:password@host/database"; exit 2; }
	go test -p 1 -count 1 -timeout 60m $(STORAGE)

rehearse: ## Upgrade from the released program that PREVIOUS names, under load
	@test -x "$(PREVIOUS)" || { echo "PREVIOUS is to be the path of a released medbook"; exit 2; }
	MEDBOOK_TEST_PREVIOUS="$(abspath $(PREVIOUS))" go test -count 1 -run TestAnUpgradeUnderLoad -v ./e2e

lint: ## Check style and the usual slips
	$(TOOL) golangci-lint run
	cd tools/release && go tool -modfile=../go.mod golangci-lint run -c ../../.golangci.yml

fmt: ## Format the code
	$(TOOL) gofumpt -l -w -extra -modpath medbook .

bench: ## Measure hold, list, calendar, group commit, sign-in and pages
	go test -run '^$$' -bench . -benchmem ./internal/calendar ./internal/sqldb ./internal/scheduling
	go test -run '^$$' -bench SignIn -benchtime 20x ./internal/api
	go test -run '^$$' -bench Known -benchtime 1x ./internal/api
	go test -run '^$$' -bench WhileProvidersAreDown -benchtime 5x ./internal/app
	go test -run '^$$' -bench Pages -benchtime 1x ./internal/demo
	go test -run '^$$' -bench FirstPaint -benchtime 1x ./e2e

soak: ## Deliver 100,000 messages through a service that fails at random
	MEDBOOK_SOAK=100000 go test -timeout 2h -run TestNothingIsLostOrDeliveredTwice -v ./internal/notify

release: ## Build what is handed out of VERSION (default: the newest in CHANGELOG.md) into dist
	go -C tools/release run . -root ../.. -out ../../dist -version "$(VERSION)"
failover: ## Lose the primary of three PostgreSQL servers under load, again and again
	MEDBOOK_FAILOVER=$${MEDBOOK_FAILOVER:-2m} go test -timeout 2h -count 1 -parallel 1 -run 'Failover|TheDrillNotices' -v ./e2e

generate: ## Write the Go code of the pages' templates
	$(TOOL) templ generate -path internal/web

openapi: ## Write openapi.yaml
	go run ./cmd/medbook openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

screenshots: ## Take pictures of the main pages of the demo, for the documents
	MEDBOOK_SCREENSHOTS=$(CURDIR)/docs/screenshots go test -count 1 -run TestScreenshots -v ./e2e
