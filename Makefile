# make demo   build, analyse the example, print the report, write report.html
# make test   everything: format, lints, unit, contract, end to end, docs, chart, browser
# make bench  measurements (release build)
# make up     the server on 127.0.0.1:8844

CARGO ?= cargo
EXAMPLE := examples/flights
DEEPFIX = $(or $(CARGO_TARGET_DIR),target)/debug/deepfix

.PHONY: demo test bench up build generate

build:
	$(CARGO) build --locked --package deepfix-cli

demo: build
	$(DEEPFIX) analyze --dataset-name flights --model-name "late arrivals" \
	  --train $(EXAMPLE)/train.parquet --test $(EXAMPLE)/test.parquet --label late --datetime time_hour \
	  --metrics $(EXAMPLE)/metrics.csv --params $(EXAMPLE)/hparams.yaml --layer-stats $(EXAMPLE)/layer_stats.csv \
	  --checkpoint $(EXAMPLE)/last.ckpt --deepchecks $(EXAMPLE)/deepchecks.json --html report.html
	@echo "the same as a page: report.html"

up: build
	$(DEEPFIX) up

test:
	./tests/run.sh

bench:
	./bench/run.sh

# Writes what is derived from the sources: messages, schema, API description.
generate:
	$(CARGO) xtask generate
	DEEPFIX_BLESS=1 $(CARGO) test --quiet --package deepfix-model --test schema
	DEEPFIX_BLESS=1 $(CARGO) test --quiet --package deepfix-gateway --test openapi
