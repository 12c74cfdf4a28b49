# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything that is made goes to build/. What a package needs is named below: a file that is missing ends
# the build. Only a tool that one target alone needs may be missing, and then only that target is left out.
#
# A line of the form "target: ... ## text" is a target that "make help" shows. V=1 shows the commands.

SHELL := /bin/sh
.SHELLFLAGS := -ec
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += -r

PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib/vershitify
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
DOCDIR ?= $(PREFIX)/share/doc/vershitify
# The helper finds it from where it is itself, so it is where LIBDIR's ../../share is.
DATADIR ?= $(LIBDIR)/../../share/vershitify

CLANG ?= clang
PKG_CONFIG ?= pkg-config
SCDOC ?= scdoc
INSTALL ?= install

# Some distributions ship llvm-strip under its version's name only: take the newest of those.
ifndef LLVM_STRIP
LLVM_STRIP := $(shell command -v llvm-strip || \
	{ IFS=:; for d in $$PATH; do ls "$$d"; done 2>/dev/null | grep -x 'llvm-strip-[0-9]*' | sort -t- -k3n | tail -n 1; } | \
	grep . || echo llvm-strip)
endif

# The version is written in one place, which the commands read as well.
VERSION_FILE := tc/command.sh
VERSION := $(shell sed -n 's/^version=//p' $(VERSION_FILE) 2>/dev/null)

# --- what there is -----------------------------------------------------------------------------

# Commands, each with a manual page and a completion of its name.
TOOLS := vershitify pingkiller tracepkt snitch
# The libraries that they source go to LIBDIR, and so do the BPF objects.
LIBRARIES := $(addprefix tc/,looking.sh changing.sh command.sh run.sh paths.sh place.sh trust.sh enter.sh lock.sh plan.sh filter.sh shared.sh foreground.sh \
	vershitify.sh pingkiller.sh hold-vershitify.sh doctor.sh doctor-vershitify.sh doctor-pingkiller.sh doctor-tracepkt.sh doctor-snitch.sh play-vershitify.sh)
BPF_OBJECTS := $(addprefix build/,vershitify.o hold.o tracker.o receive.o calls.o pingkiller.o tracepkt.o snitch.o tcp.o)

COMMANDS := $(TOOLS:%=scripts/%.sh)
MAN_PAGES := $(TOOLS:%=build/%.8)
EXAMPLES := $(wildcard scripts/examples/*)
COMPLETIONS := $(TOOLS:%=scripts/completion/%.bash)
COMPLETION_LIBRARY := scripts/completion/vershitify-common.bash
HELPER := build/vsh
PRESETS := scripts/presets
# What snitch.sh shows in a browser: a program without privileges.
PAGE := build/snitch-page
INSTALLED := $(PRESETS) $(COMMANDS) $(LIBRARIES) $(COMPLETIONS) $(COMPLETION_LIBRARY) $(EXAMPLES)

BENCH_PROGRAMS := $(addprefix build/bench/,attach burst clock fate testrun traffic baseline.o pingparse.o returns.o)

# Of these nothing has to be listed: the linker misses one of the helper's files, a test its program.
PAGE_SOURCES := $(wildcard bpf/page/*.c)
USER_SOURCES := $(filter-out %.bpf.c $(PAGE_SOURCES),$(wildcard bpf/*/*.c))
FOLDERS := $(sort $(dir $(USER_SOURCES) $(PAGE_SOURCES) $(wildcard bpf/*/*.bpf.c)))
TEST_BPF := $(wildcard bats/programs/*.bpf.c)
TEST_SOURCES := $(filter-out $(TEST_BPF),$(wildcard bats/programs/*.c))
TEST_PROGRAMS := $(TEST_SOURCES:bats/programs/%.c=build/test/%) $(TEST_BPF:bats/programs/%.bpf.c=build/test/%.o)
FUZZ_TARGETS := $(wildcard bats/fuzz/*.c)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:bats/fuzz/%.c=build/fuzz/%)
# The helper's files that the fuzz targets exercise; each must link without the rest of the helper.
FUZZ_SOURCES := bpf/lib/words.c bpf/lib/plot.c

# --- how it is compiled ------------------------------------------------------------------------

MACHINE := $(shell uname -m)
# What libbpf's bpf_tracing.h calls the machine.
BPF_ARCH := $(shell echo '$(MACHINE)' | sed -e 's/x86_64/x86/' -e 's/i[3-6]86/x86/' -e 's/aarch64/arm64/' \
	-e 's/arm64.*/arm64/;t' -e 's/armv.*/arm/' -e 's/ppc64.*/powerpc/' -e 's/s390x/s390/' \
	-e 's/riscv64/riscv/' -e 's/mips.*/mips/' -e 's/loongarch64/loongarch/')
# <linux/bpf.h> wants <asm/types.h>, which multiarch distributions keep where "-target bpf" does not look.
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null || gcc -print-multiarch 2>/dev/null)

LIBBPF_CFLAGS := $(shell $(PKG_CONFIG) --cflags libbpf 2>/dev/null)
LIBBPF_LIBS := $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null || echo -lbpf)
PAGE_LIBRARIES := jansson libmaxminddb libmicrohttpd libseccomp
PAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PAGE_LIBRARIES) 2>/dev/null)
PAGE_LIBS := $(shell $(PKG_CONFIG) --libs $(PAGE_LIBRARIES) 2>/dev/null || echo -ljansson -lmaxminddb -lmicrohttpd -lseccomp)

INCLUDES := -Ibpf $(FOLDERS:%/=-I%)
WARNINGS := -Wall -Wextra -Werror
DEPENDENCIES = -MMD -MP -MF $(basename $@).d -MT $@
BPF_CFLAGS ?= -g -O2
BPF_FLAGS := -target bpf -mcpu=v3 $(BPF_CFLAGS) $(WARNINGS) -Wno-unused-parameter -D__TARGET_ARCH_$(BPF_ARCH) $(INCLUDES) $(LIBBPF_CFLAGS) \
	$(if $(MULTIARCH),-isystem /usr/include/$(MULTIARCH))
CFLAGS ?= -O2 -g
USER_FLAGS := -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(INCLUDES) $(LIBBPF_CFLAGS)
SANITIZERS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

# --- what is said ------------------------------------------------------------------------------

ifeq ($(V),1)
Q :=
else
Q := @
endif

# say WORD[,WHAT]: one line for what is made next; nothing with V=1, which shows the commands, and with -s.
silent = $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(Q),$(if $(silent),,@printf '  %-9s %s\n' '$(1)' '$(or $(2),$@)'))

# --- targets for people ------------------------------------------------------------------------

.PHONY: all
all: $(BPF_OBJECTS) $(HELPER) $(PAGE) $(INSTALLED) man ## build the BPF objects, the helpers and the manual pages into build/

.PHONY: testprograms
testprograms: $(TEST_PROGRAMS) ## build the programs that the tests run, into build/test/

.PHONY: demo
demo: ## show what it does, in namespaces of its own (needs root)
	scripts/demo.sh

.PHONY: check
check: ## build, lint and run all tests, here and in virtual machines (needs root)
	scripts/check.sh $(TESTS)

.PHONY: vmcheck
vmcheck: ## the tests in virtual machines only; KERNEL=6.1 takes one kernel, TESTS=... some files, EVERY=1 every test
	scripts/check.sh --vm-only $(if $(EVERY),--every) $(if $(KERNEL),--kernel $(KERNEL)) $(TESTS)

.PHONY: chrootcheck
chrootcheck: ## the set-up on a system that lacks everything: demo and tests in an empty chroot (needs root)
	bats/chroot.sh

.PHONY: lint
lint: lint-shell lint-posix lint-format lint-c lint-headers ## judge scripts and C code without running them

.PHONY: verifier
verifier: all build/test/verify ## what the verifier makes of each program, here and in virtual machines; RENEW=1 keeps the figures
	bats/verifier.sh $(if $(RENEW),renew,table)

.PHONY: bench
bench: all ## measure what it costs, BENCH=... some sections (needs root and a quiet machine)
	scripts/bench/run.sh $(BENCH)

.PHONY: sanitize
sanitize: build/asan/vsh build/asan/snitch-page ## build the helpers with address and undefined-behaviour sanitizers

.PHONY: fuzz
fuzz: $(FUZZ_PROGRAMS:%=%.run) ## fuzz the helper's parsers, FUZZ_SECONDS=30 each; findings stay in build/fuzz/

.PHONY: corpus
corpus: $(FUZZ_PROGRAMS:%=%.merge) ## add what fuzzing found interesting to the kept corpus, bats/fuzz/corpus/

# --- objects -----------------------------------------------------------------------------------

# DWARF goes, BTF stays: the loaders need it, and it is a tenth of the size.
define compile_bpf
@mkdir -p $(@D)
$(call say,BPF)
$(Q)$(CLANG) $(BPF_FLAGS) $(DEPENDENCIES) -c $< -o $@
$(Q)$(LLVM_STRIP) -g $@
endef

# The folders are for readers; what is built lies side by side, by its name.
define objects
build/%.o: $(1)%.bpf.c Makefile
	$$(compile_bpf)
endef
$(foreach folder,$(FOLDERS),$(eval $(call objects,$(folder))))

# helper_objects DIRECTORY,FLAGS,FOLDER
define helper_objects
$(1)/user/%.o: $(3)%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(CC) $$(CPPFLAGS) $(2) $$(USER_FLAGS) $$(DEPENDENCIES) -c $$< -o $$@
endef
user_objects = $(patsubst %.c,$(1)/user/%.o,$(notdir $(USER_SOURCES)))

# helper DIRECTORY,FLAGS: the rules that build the helper once into DIRECTORY, with FLAGS
define helper
$(foreach folder,$(FOLDERS),$(eval $(call helper_objects,$(1),$(2),$(folder))))

$(1)/user/main.o: CPPFLAGS += -DVERSION='"$$(version_known)"'
$(1)/user/main.o: $(VERSION_FILE)

$(1)/vsh: $(call user_objects,$(1))
	$$(call say,LD)
	$$(Q)$$(CC) $(2) $$(LDFLAGS) $$^ $$(LIBBPF_LIBS) -lm $$(LDLIBS) -o $$@
endef
version_known = $(or $(VERSION),$(error $(VERSION_FILE) says no version))
$(eval $(call helper,build,$$(CFLAGS)))
$(eval $(call helper,build/asan,$$(SANITIZERS)))

# Of the helper's files it has those that need nothing of BPF.
PAGE_SHARED := $(addsuffix .o,clock json position print signals utf8 words)
# page DIRECTORY,FLAGS: likewise
define page
$(1)/page/%.o: bpf/page/%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(CC) $$(CPPFLAGS) $(2) $$(USER_FLAGS) $$(PAGE_CFLAGS) -DPAGE_TEXT='"build/page/page.html"' $$(DEPENDENCIES) -c $$< -o $$@

$(1)/page/paper.o: build/page/page.html

$(1)/snitch-page: $(PAGE_SOURCES:bpf/page/%.c=$(1)/page/%.o) $(PAGE_SHARED:%=$(1)/user/%)
	$$(call say,LD)
	$$(Q)$$(CC) $(2) $$(LDFLAGS) $$^ $$(PAGE_LIBS) -lm $$(LDLIBS) -o $$@
endef
$(eval $(call page,build,$$(CFLAGS)))
$(eval $(call page,build/asan,$$(SANITIZERS)))

build/page/page.html: $(addprefix bpf/page/,assemble.sh page.html page.css remotes.js page.js world.paths countries.json) Makefile
	@mkdir -p $(@D)
	$(call say,PAGE)
	$(Q)bpf/page/assemble.sh >$@

# A test program is one file and needs nothing but libc (with threads), but for those that use BPF objects.
build/test/verify build/test/mapfill build/test/paths build/test/headers build/test/reason: LDLIBS += $(LIBBPF_LIBS)
build/test/model: LDLIBS += -lm
build/test/%.o: bats/programs/%.bpf.c Makefile
	$(compile_bpf)

build/test/%: bats/programs/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(USER_FLAGS) -pthread $(DEPENDENCIES) $< $(LDFLAGS) $(LDLIBS) -o $@

# A target may include other files of the helper, with the system behind them replaced: hence all of them.
$(FUZZ_PROGRAMS): build/fuzz/%: bats/fuzz/%.c $(USER_SOURCES) $(wildcard bats/fuzz/*.h bpf/*/*.h) Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CLANG) $(SANITIZERS) -fsanitize=fuzzer $(USER_FLAGS) $< $(FUZZ_SOURCES) -lm -o $@

# What the measurements send with, and measure against.
.PHONY: benchprograms
benchprograms: $(BENCH_PROGRAMS)

build/bench/%.o: scripts/bench/%.bpf.c Makefile
	$(compile_bpf)

build/bench/%: scripts/bench/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(USER_FLAGS) $(DEPENDENCIES) $< $(LDFLAGS) $(LDLIBS) -o $@

FUZZ_SECONDS ?= 30
# The kept corpus is only read; new inputs go to build/fuzz/NAME.corpus, crashing ones to build/fuzz/NAME-*.
.PHONY: $(FUZZ_PROGRAMS:%=%.run) $(FUZZ_PROGRAMS:%=%.merge)
$(FUZZ_PROGRAMS:%=%.run): build/fuzz/%.run: build/fuzz/%
	@mkdir -p $<.corpus
	$(call say,FUZZ,$<)
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -verbosity=0 -print_final_stats=1 -artifact_prefix=$<- \
		$(patsubst %,-dict=%,$(wildcard bats/fuzz/$*.dict)) $<.corpus $(wildcard bats/fuzz/corpus/$*)

$(FUZZ_PROGRAMS:%=%.merge): build/fuzz/%.merge: build/fuzz/%
	@mkdir -p $<.corpus bats/fuzz/corpus/$*
	$(call say,MERGE,$<)
	$(Q)$< -merge=1 -use_counters=0 bats/fuzz/corpus/$* $<.corpus

.PHONY: man
ifneq ($(shell command -v $(SCDOC)),)
man: $(MAN_PAGES)
else
man:
	@echo "no manual page: scdoc is missing (install the package scdoc)" >&2
endif

$(MAN_PAGES): build/%: scripts/man/%.scd $(VERSION_FILE) Makefile
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)sed '1s/@VERSION@/$(version_known)/' $< | $(SCDOC) >$@

# What DEPENDENCIES has written: the headers that an object was made from. An object is missing in this list
# only if its rule names all headers, as that of the fuzz targets does.
-include $(addsuffix .d,$(basename $(BPF_OBJECTS) $(call user_objects,build) \
	$(call user_objects,build/asan) $(foreach folder,build build/asan,$(PAGE_SOURCES:bpf/page/%.c=$(folder)/page/%.o)) $(TEST_PROGRAMS) $(BENCH_PROGRAMS)))

# --- lint --------------------------------------------------------------------------------------

SH_FILES := $(wildcard .ci/run scripts/*.sh scripts/*/*.sh tc/*.sh bats/*.sh bpf/page/*.sh)
# The language of a script is what its first line says.
BASH_SCRIPTS := $(shell awk 'FNR == 1 && /^\#!.*bash/ { print FILENAME }' /dev/null $(SH_FILES))
POSIX_SCRIPTS := $(filter-out $(BASH_SCRIPTS),$(SH_FILES))
BASH_SCRIPTS += $(wildcard bats/*.bash bats/lib/*.bash scripts/completion/*.bash)
BATS_FILES := $(wildcard bats/*.bats)
SH_LIBRARIES := $(wildcard tc/*.sh scripts/check/*.sh) $(filter-out scripts/bench/run.sh,$(wildcard scripts/bench/*.sh))
USER_FILES := $(USER_SOURCES) $(PAGE_SOURCES) $(TEST_SOURCES) $(FUZZ_TARGETS) \
	$(filter-out %.bpf.c,$(wildcard scripts/bench/*.c))
# A header whose name does not say "bpf" is read by the helper; these by both sides.
SHARED_HEADERS := $(addprefix bpf/,lib/header.h lib/mix.h lib/reader.h vershitify/vershitify.h vershitify/model.h vershitify/reasons.h pingkiller/pingkiller.h tracepkt/tracepkt.h snitch/snitch.h)
BPF_HEADERS := $(wildcard bpf/*/*.bpf.h) $(SHARED_HEADERS)
USER_HEADERS := $(filter-out %.bpf.h,$(wildcard bpf/*/*.h)) $(wildcard bats/programs/*.h bats/fuzz/*.h)
C_FILES := $(USER_FILES) $(TEST_BPF) $(wildcard bpf/*/*.bpf.c scripts/bench/*.bpf.c) $(sort $(BPF_HEADERS) $(USER_HEADERS))

.PHONY: lint-shell lint-posix lint-format lint-c lint-headers

# What a library defines for the scripts that source it looks unused in itself, and the other way round:
# "-a" judges the libraries together with those scripts, then each is judged alone, without these two.
lint-shell:
	$(call say,LINT,scripts)
	$(Q)shellcheck -x -a $(filter-out $(SH_LIBRARIES),$(POSIX_SCRIPTS)) $(BASH_SCRIPTS) $(BATS_FILES)
	$(Q)shellcheck -x -e SC2034 -e SC2154 $(SH_LIBRARIES)

# "shfmt -w" in the place of "-d" mends what is found.
lint-format:
	$(call say,LINT,format)
	$(Q)shfmt -d -i 0 -ln posix $(POSIX_SCRIPTS)
	$(Q)shfmt -d -i 0 -ln bash $(BASH_SCRIPTS)
	$(Q)shfmt -d -i 0 -ln bats $(BATS_FILES)
	$(Q)clang-format --dry-run -Werror $(C_FILES)

# Both of the small shells read every script: what they cannot parse is no POSIX sh.
lint-posix:
	$(call say,LINT,POSIX)
	$(Q)for f in $(POSIX_SCRIPTS); do dash -n "$$f"; busybox sh -n "$$f"; done

# The BPF programs are not among these: cppcheck cannot read sections, and the verifier judges them.
CPPCHECK_FLAGS := --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --error-exitcode=1 $(INCLUDES) \
	-D'LIBBPF_OPTS(TYPE,NAME,...)=struct TYPE NAME = { __VA_ARGS__ }' \
	-D'bpf_object__for_each_program(PROGRAM,OBJECT)=while ((PROGRAM = bpf_object__next_program(OBJECT, PROGRAM)))' \
	-D'bpf_object__for_each_map(MAP,OBJECT)=while ((MAP = bpf_object__next_map(OBJECT, MAP)))'
lint-c:
	$(call say,LINT,C)
	$(Q)cppcheck $(CPPCHECK_FLAGS) $(USER_FILES)

# Each header compiles as the first and only one: it includes what it uses. ("-include", because a function
# of the file itself that nobody calls would be complained of.)
lint-headers:
	$(call say,LINT,headers)
	$(Q)for f in $(BPF_HEADERS); do $(CLANG) $(BPF_FLAGS) -fsyntax-only -include "$$f" -x c /dev/null; done
	$(Q)for f in $(USER_HEADERS); do $(CC) $(USER_FLAGS) -fsyntax-only -include "$$f" -x c /dev/null; done

# --- installing --------------------------------------------------------------------------------

# The commands find LIBDIR from where they are, so PREFIX is written into no file.
.PHONY: install
install: all ## install under DESTDIR/PREFIX (PREFIX=/usr/local)
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)$(INSTALL) -d '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(LIBDIR)/tc'
	$(Q)$(INSTALL) -m 755 $(COMMANDS) '$(DESTDIR)$(SBINDIR)'
	$(Q)for f in $(notdir $(COMMANDS)); do ln -sfn "$$f" '$(DESTDIR)$(SBINDIR)'/"$${f%.sh}"; done
	$(Q)$(INSTALL) -m 755 $(HELPER) $(PAGE) '$(DESTDIR)$(LIBDIR)'
	$(Q)$(INSTALL) -m 644 $(BPF_OBJECTS) '$(DESTDIR)$(LIBDIR)'
	$(Q)$(INSTALL) -m 644 $(LIBRARIES) '$(DESTDIR)$(LIBDIR)/tc'
	$(Q)$(INSTALL) -D -m 644 $(PRESETS) '$(DESTDIR)$(DATADIR)'/presets
	$(Q)for f in $(MAN_PAGES); do \
		[ -e "$$f" ] || continue; \
		name=$${f##*/}; folder='$(DESTDIR)$(MANDIR)'/man"$${f##*.}"; \
		$(INSTALL) -D -m 644 "$$f" "$$folder/$$name"; \
		ln -sfn "$$name" "$$folder/$${name%.*}.sh.$${f##*.}"; \
	done
	$(Q)for f in $(COMPLETIONS); do \
		name=$${f##*/}; name=$${name%.bash}; \
		$(INSTALL) -D -m 644 "$$f" '$(DESTDIR)$(COMPDIR)'/"$$name.sh"; \
		ln -sfn "$$name.sh" '$(DESTDIR)$(COMPDIR)'/"$$name"; \
	done
	$(Q)$(INSTALL) -m 644 $(COMPLETION_LIBRARY) '$(DESTDIR)$(COMPDIR)'
	$(Q)for f in $(EXAMPLES); do \
		mode=644; [ ! -x "$$f" ] || mode=755; \
		$(INSTALL) -D -m "$$mode" "$$f" '$(DESTDIR)$(DOCDIR)'/examples/"$${f##*/}"; \
	done

.PHONY: uninstall
uninstall: ## remove what install put there, and nothing else
	$(call say,UNINSTALL,$(DESTDIR)$(PREFIX))
	$(Q)for f in $(notdir $(COMMANDS)); do rm -f '$(DESTDIR)$(SBINDIR)'/"$$f" '$(DESTDIR)$(SBINDIR)'/"$${f%.sh}"; done
	$(Q)for f in $(notdir $(HELPER) $(PAGE) $(BPF_OBJECTS)) $(LIBRARIES); do rm -f '$(DESTDIR)$(LIBDIR)'/"$$f"; done
	$(Q)for f in $(notdir $(MAN_PAGES)); do \
		rm -f '$(DESTDIR)$(MANDIR)'/man"$${f##*.}"/"$$f" '$(DESTDIR)$(MANDIR)'/man"$${f##*.}"/"$${f%.*}.sh.$${f##*.}"; \
	done
	$(Q)for f in $(notdir $(COMPLETIONS:.bash=)); do rm -f '$(DESTDIR)$(COMPDIR)'/"$$f" '$(DESTDIR)$(COMPDIR)'/"$$f.sh"; done
	$(Q)rm -f '$(DESTDIR)$(COMPDIR)'/$(notdir $(COMPLETION_LIBRARY))
	$(Q)rm -f '$(DESTDIR)$(DATADIR)'/presets; [ ! -d '$(DESTDIR)$(DATADIR)' ] || rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(DATADIR)'
	$(Q)for f in $(notdir $(EXAMPLES)); do rm -f '$(DESTDIR)$(DOCDIR)'/examples/"$$f"; done
	$(Q)for d in '$(DESTDIR)$(LIBDIR)/tc' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(DOCDIR)/examples' '$(DESTDIR)$(DOCDIR)'; do [ ! -d "$$d" ] || rmdir --ignore-fail-on-non-empty "$$d"; done

.PHONY: clean
clean: ## remove build/
	$(call say,CLEAN,build)
	$(Q)rm -rf build

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
