# Norma's chores. `make` alone lists them.

SOURCES := Package.swift Sources Tests Benchmarks/Package.swift $(wildcard Benchmarks/*/*.swift) \
  Examples/OwnParts/Package.swift Examples/OwnParts/Sources Examples/OwnParts/Tests Examples/ShortPrograms/Programs Examples/ShortPrograms/Run Fuzz/Package.swift Fuzz/Sources \
  Serve/Package.swift Serve/Sources Serve/Tests
REPORT := norma-report
# What `make smoke` runs; `make smoke SMOKE=NormaGraphTests` runs another suite.
SMOKE := NormaTensorTests|NormaNormalizationTests|NormaTerminalTests

# What `make families` brings here, all if empty.
FAMILIES :=
# What `make fuzz` feeds, all if empty, and how long each.
READERS :=
SECONDS := 60

# Homebrew's folders are not among those the compiler searches.
ifeq ($(shell uname -s),Darwin)
  BREW := $(shell brew --prefix 2>/dev/null)
  FLAGS := $(foreach formula,libpng jpeg-turbo,-Xcc -I$(BREW)/opt/$(formula)/include -Xlinker -L$(BREW)/opt/$(formula)/lib)
endif

.PHONY: help setup demo test smoke exhaustive diagnosis processes lint format sanitize golden families arm fuzz parallel serve bench drawings explanation lab-page docs packages release clean

help:  ## lists these targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup:  ## installs the system packages that are missing, if any
	@Utils/setup

demo: setup  ## trains the built-in digits with and without batch normalization and writes a report
	swift build -c release --product norma $(FLAGS)
	.build/release/norma compare --out $(REPORT)

# Two suites train and compute on every instruction set: while the slow ones are chosen, all that ran beside them would take long.
# One counts what training asks of the memory that all tests of a process share, and so runs by itself.
EVERY_SET := NormaLayersTests\.OperationBitsTests|NormaTrainingTests\.GoldenTrainingTests
ALONE := NormaTrainingTests\.StepAllocationTests

test: setup lint  ## checks the format and runs every test, those of a package with parts of its own too
	swift test -c release --disable-testable-imports $(FLAGS) --skip '$(EVERY_SET)|$(ALONE)'
	swift test -c release --disable-testable-imports $(FLAGS) --filter '$(EVERY_SET)'
	swift test -c release --disable-testable-imports $(FLAGS) --filter '$(ALONE)'
	swift test -c release --disable-testable-imports --package-path Examples/OwnParts $(FLAGS)

smoke: setup  ## runs the quick tests, for while you work
	swift test -c release --disable-testable-imports $(FLAGS) --filter '$(SMOKE)'

exhaustive: setup  ## holds the elementary functions of all 2³² floats against longer numbers; takes half an hour
	NORMA_EXHAUSTIVE=yes swift test -c release --disable-testable-imports $(FLAGS) --filter ExhaustiveFunctionTests

diagnosis: setup  ## plants faults in many networks, all of which are to be found, and looks at healthy ones; takes minutes
	NORMA_DIAGNOSIS=yes swift test -c release --disable-testable-imports $(FLAGS) --filter NormaDiagnosisTests

processes: setup  ## trains by many numbers of processes, with each MPI there is, and kills some twenty times; takes minutes
	NORMA_PROCESSES=yes swift test -c release --disable-testable-imports $(FLAGS) --filter CommandTests.ProcessesTests

lint:  ## checks the format
	swift format lint --strict --parallel --recursive $(SOURCES)

format:  ## puts the sources into the project's format
	swift format format --in-place --parallel --recursive $(SOURCES)

sanitize: setup  ## runs every test under AddressSanitizer, then ThreadSanitizer; takes half an hour or more
	@Utils/sanitize $(FLAGS)

golden: setup  ## trains with every instruction set and number of threads, against the committed bits; takes long
	NORMA_GOLDEN=yes swift test -c release --disable-testable-imports $(FLAGS) --filter GoldenTrainingTests

families: setup  ## brings torchvision's networks FAMILIES, all if empty, here and back, where NORMA_PYTHON has it; all take half an hour
	NORMA_FAMILIES="$(or $(FAMILIES),all)" swift test -c release --disable-testable-imports $(FLAGS) --filter PublishedNetworkComparison

arm:  ## compares the kernels' bits on ARM, under an emulator, with those of all other instruction sets
	@Utils/arm

fuzz: setup  ## feeds random bytes to the readers READERS for SECONDS each, see Fuzz/README.md
	@READERS="$(READERS)" SECONDS_EACH=$(SECONDS) Utils/fuzz $(FLAGS)

parallel: setup  ## makes what lets several processes work together by MPI, which it installs if there is none
	@Utils/parallel

serve: setup  ## builds norma-serve and tests it; builds a web server first, which takes minutes
	swift build -c release --package-path Serve --product norma-serve $(FLAGS)
	swift test -c release --disable-testable-imports --package-path Serve $(FLAGS)

# The pages that `make drawings` measures.
PAGES := $(REPORT)/report.html

drawings:  ## measures the text in the drawings of PAGES in Chromium: overlaps, and what is cut off
	@Utils/check-drawings $(PAGES)

# A Python that has selenium, axe and PyTorch.
NORMA_PYTHON ?= .venv/bin/python

explanation: setup  ## operates the page of `norma explain --html` in Chromium, and measures its frames
	swift build -c release --product norma $(FLAGS)
	$(NORMA_PYTHON) -B Utils/check-explanation .build/release/norma
	$(NORMA_PYTHON) -B Utils/check-explanation .build/release/norma --frames

lab-page: setup  ## runs a quick lab, and reads its page in Chromium with the mouse and the keyboard
	swift build -c release --product norma $(FLAGS)
	.build/release/norma lab run --all --quick --out norma-lab
	$(NORMA_PYTHON) -B Utils/check-lab norma-lab

bench: setup  ## times operations and training steps, and counts their allocations, with Benchmarks/Package.swift
	swift package --package-path Benchmarks $(FLAGS) benchmark

docs: setup  ## writes the documentation as one site: a front page, the page to play with, guides, a tutorial and every library module
	@Utils/make-docs $(FLAGS)

packages: setup  ## makes an archive of the command, a Debian package and a formula for Homebrew, in .build/packages
	@Utils/make-packages

release: setup  ## checks that this commit can go out as the version it says, and says what to push; takes an hour and a half
	@Utils/release

clean:  ## removes what was built
	rm -rf .build Benchmarks/.build Benchmarks/build Examples/OwnParts/.build Serve/.build Fuzz/.build docs/build
