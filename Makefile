# Every word a developer needs; `make help` lists them. What a word does stands in deploy/local/.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run up down build debug test test-documents lint format bench bench-screening bench-validator chaos scenarios ci clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## The stack in the foreground: a request is answered, Ctrl-C stops everything
	@deploy/local/run

up: ## The stack, detached: starts what is missing and returns when it is ready (WORKERS=n)
	@deploy/local/up

down: ## Stops the stack and keeps its data
	@deploy/local/down

build: ## The release build of everything, tests included
	@deploy/local/build

debug: ## The debug build, for the inner loop
	@deploy/local/build --debug

test: ## All tests, on servers of their own (TEST_FILTER=regex: the Swift tests that match)
	@deploy/local/test

test-documents: ## The examples of README and streams.md, executed
	@deploy/local/test-documents

lint: ## Format and style of all sources, strictly
	@deploy/local/lint

format: ## Writes all Swift sources in the house's format
	swift format format --in-place --parallel --recursive Package.swift Sources Tests

bench: ## Jobs and CPU per job of the worker beside a minimal C program, as a table and JSON
	@deploy/local/bench

chaos: ## Kills, freezes and starves a fleet under load, and checks what became of each request (CHAOS_SEED=n)
	@deploy/local/chaos

scenarios: ## Every way in which the model's API fails, and what became of the requests, as a table
	@deploy/local/scenarios

bench-validator: ## What the rules find and miss, and what one judgement costs
	@deploy/local/bench-validator

bench-screening: ## Trains the screening of users' words, and measures it on texts held apart
	@deploy/local/bench-screening

ci: ## What CI runs: lint, build without warnings, hiredis of Debian 13, tests
	@deploy/local/ci

clean: ## Stops the stack and removes its data; the build stays
	@deploy/local/clean
