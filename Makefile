# trampoline: enter a user's jail, once per request
#
#   make            build the launcher, the keeper and the image tools into $(BUILD)
#   make demo       on a fresh Debian 12, as root: install what is missing, build, show the main job
#   make demo-web   the same for the web: a site of two users, from an Apache of its own, until it is interrupted
#   make demo-clean remove everything the demos made
#   make check      unit tests, house rules and, as root, the system tests
#   make install    install (DESTDIR is honoured; nothing of yours is overwritten)
#   make deb        build the Debian package into $(BUILD)/deb
#   make html       the manual pages as web pages in $(BUILD)/html
#   make uninstall  remove what install put in place; never configuration, images or users' data
#   make unit       unit tests alone               make lint    house rules alone
#   make check-mutants  one protection less at a time: does an attack notice? (root, a quarter of an hour)
#   make check-model  all orders of the steps of entry, build, cleanup, discard, remove and prune, by spin (ten minutes)
#   make check-fault  kill at any system call, let any fail: what is left? (root, hours; a sample is in check)
#   make check-kernels  system and attack tests, NFS and [resources] on Linux 6.1 and 6.12, emulated (root, hours)
#   make check-arm64  build for arm64, and run the unit tests by qemu-user
#   make fuzz       fuzz with clang, for longer
#   make coverage   which lines the unit, system, attack and fault tests reach; fails below its floors (root)
#   make check-package  build, install, upgrade, remove and purge the Debian package in chroots (root)
#   make check-web  that site in Chromium, and callers in PHP, Node, Python; screenshots in build/web (root)
#   make system     system tests alone (root)      make bench   what all of it costs (root)
#   make format     rewrite the sources in house style
#   make deps       install the Debian packages that build and check need (root)
#   make clean      remove what was built

# --- paths: compiled in, so two builds with different paths never meet ---------------------------
PREFIX       ?= /usr/local
SYSCONFDIR   ?= /etc
STATEDIR     ?= /var/lib/trampoline
RUNDIR       ?= /run/trampoline
CALLER_GROUP ?= www-data
CGROUP       ?= $(notdir $(RUNDIR))
DESTDIR      ?=
BUILD        ?= build

# $(call once,VARIABLE,COMMAND): what COMMAND prints, asked when VARIABLE is first used. Nothing is run,
# and nothing complains, before it is known that the compiler and the libraries are there: see can-build.
once = $(eval $(1) := $$(shell $(2)))$($(1))

# --- compiler ------------------------------------------------------------------------------------
CC            ?= cc
LAUNCHER_LIBC ?= musl
CFLAGS        ?= -O2 -g
WARNINGS       = -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
                 -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wswitch-enum
# The same bytes wherever the sources and BUILD lie: debugging information and __FILE__ name neither.
SAME_PATHS     = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BUILD)=build -ffile-prefix-map=$(abspath $(BUILD))=build
OUR_CFLAGS     = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(SAME_PATHS) -Iinclude -Isrc -I$(BUILD)/include -MMD -MP
# OpenSSF compiler hardening guide
HARDENING      = -fstack-protector-strong -fstack-clash-protection $(BRANCHES) \
                 -fno-delete-null-pointer-checks -fno-strict-overflow $(INIT_ZERO)
# Where an indirect branch may land: x86 and arm64 have an option each, and a compiler refuses the other's.
BRANCHES       = $(if $(filter aarch64-%,$(MULTIARCH)),-mbranch-protection=standard,-fcf-protection)
# clang before 16 has this behind a second option, so it is asked
INIT_ZERO      = $(call once,INIT_ZERO,$(CC) -Werror -ftrivial-auto-var-init=zero -c -x c /dev/null -o /dev/null \
                 2>/dev/null && echo -ftrivial-auto-var-init=zero)
# A larger frame is probed page by page, and each page is a fault at every entry. A page, and what clang needs
# for two sentences in one.
SMALL_FRAMES   = -Wframe-larger-than=4200
LINK_HARDENING = -Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code

VERSION := 0.2.0

PKGS           = mount libcap libseccomp
KEEPER_CFLAGS  = $(OUR_CFLAGS) -Isrc/keeper $(HARDENING) -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
                 $(PKG_CFLAGS)
KEEPER_LIBS    = $(call once,KEEPER_LIBS,pkg-config --libs $(PKGS))
PKG_CFLAGS     = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS))

# Debian's musl-gcc knows no static PIE, so that link is spelled out; kernel headers come from /usr/include.
# To build for another architecture, name its compiler in CC, and in SYSROOT the tree that has its /usr.
SYSROOT      ?=
MULTIARCH     = $(call once,MULTIARCH,{ $(CC) -dumpmachine 2>/dev/null || echo `uname -m`-linux-gnu; } | \
                sed 's/-pc-/-/')
MUSL_DIR     ?= $(SYSROOT)/usr/lib/$(patsubst %-gnu,%-musl,$(MULTIARCH))
MUSL_INCLUDE ?= $(SYSROOT)/usr/include/$(patsubst %-gnu,%-musl,$(MULTIARCH))
ifeq ($(LAUNCHER_LIBC),musl)
LAUNCHER_CFLAGS = $(OUR_CFLAGS) $(HARDENING) -fPIE -nostdinc -isystem $(MUSL_INCLUDE) \
                  -isystem $(CC_INCLUDE) \
                  -idirafter $(SYSROOT)/usr/include -idirafter $(SYSROOT)/usr/include/$(MULTIARCH) $(SMALL_FRAMES)
LAUNCHER_LINK   = $(CC) -nostdlib -static -Wl,-pie,--no-dynamic-linker,-z,text,--build-id \
                  $(LINK_HARDENING) -L$(MUSL_DIR) $(MUSL_DIR)/rcrt1.o $(MUSL_DIR)/crti.o
LAUNCHER_END    = -lc $(LIBGCC) $(MUSL_DIR)/crtn.o
CC_INCLUDE      = $(call once,CC_INCLUDE,$(CC) -print-file-name=include)
LIBGCC          = $(call once,LIBGCC,$(CC) -print-libgcc-file-name)
else
LAUNCHER_CFLAGS = $(OUR_CFLAGS) $(HARDENING) -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(SMALL_FRAMES)
LAUNCHER_LINK   = $(CC) -static-pie $(LINK_HARDENING)
LAUNCHER_END    =
endif

# --- what is built -------------------------------------------------------------------------------
# Sorted, because make before 4.3 takes the order that a directory is in.
COMMON_SRC   := $(sort $(wildcard src/common/*.c))
LAUNCHER_SRC := $(sort $(wildcard src/launcher/*.c))
KEEPER_SRC   := $(sort $(wildcard src/keeper/*.c src/keeper/*/*.c))
RECIPES      := $(wildcard jail-image/recipes/*)
SCRIPTS       = $(BUILD)/trampoline-image $(BUILD)/trampoline-user
LAUNCHER_OBJ := $(patsubst src/%.c,$(BUILD)/launcher-obj/%.o,$(COMMON_SRC) $(LAUNCHER_SRC))
KEEPER_OBJ   := $(patsubst src/%.c,$(BUILD)/keeper-obj/%.o,$(COMMON_SRC) $(KEEPER_SRC))

all: $(BUILD)/trampoline $(BUILD)/keeper $(SCRIPTS)

# Paths and flags are part of what is built: a change of either rebuilds.
SETTINGS := $(PREFIX)|$(SYSCONFDIR)|$(STATEDIR)|$(RUNDIR)|$(CGROUP)|$(CALLER_GROUP)|$(LAUNCHER_LIBC)|$(CC)|$(SYSROOT)|$(CFLAGS)|$(VERSION)
ifneq ($(shell cat $(BUILD)/settings 2>/dev/null),$(SETTINGS))
$(shell mkdir -p $(BUILD) && echo '$(SETTINGS)' >$(BUILD)/settings)
endif

SUBSTITUTE = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' \
                 -e 's|@STATEDIR@|$(STATEDIR)|g' -e 's|@RUNDIR@|$(RUNDIR)|g' \
                 -e 's|@VERSION@|$(VERSION)|g' -e 's|@CALLER_GROUP@|$(CALLER_GROUP)|g' \
                 -e 's|@CGROUP@|$(CGROUP)|g'

# Every object needs paths.h, so this is made before the first of them: it says all that is missing.
$(BUILD)/can-build: $(BUILD)/settings
	@missing=; miss() { missing="$$missing$${missing:+, }$$1"; }; compiler='$(firstword $(CC))'; \
	if ! command -v "$$compiler" >/dev/null; then miss "C compiler ($$compiler)"; \
	elif ! $(CC) -fsyntax-only -include stdlib.h -include linux/capability.h -x c /dev/null 2>/dev/null; then \
		miss 'header of libc or the kernel'; fi; \
	if ! command -v pkg-config >/dev/null; then miss pkg-config; else \
		for library in $(PKGS); do \
			pkg-config --exists "$$library" || miss "lib$${library#lib} with its headers"; done; fi; \
	test '$(LAUNCHER_LIBC)' != musl || test -e '$(MUSL_DIR)/rcrt1.o' || miss musl; \
	if [ -n "$$missing" ]; then \
		echo "make: cannot build: there is no $$missing; on Debian, \"make deps-build\" as root installs it" >&2; \
		exit 1; fi
	@touch $@

$(BUILD)/include/trampoline/paths.h: include/trampoline/paths.h.in $(BUILD)/settings | $(BUILD)/can-build
	@mkdir -p $(@D)
	$(SUBSTITUTE) $< >$@

$(BUILD)/trampoline-%: jail-image/trampoline-%.in $(BUILD)/settings
	@mkdir -p $(@D)
	$(SUBSTITUTE) $< >$@
	@chmod 755 $@

$(BUILD)/launcher-obj/%.o: src/%.c $(BUILD)/include/trampoline/paths.h
	@mkdir -p $(@D)
	$(CC) $(LAUNCHER_CFLAGS) -DVERSION='"$(VERSION)"' $(CFLAGS) -c -o $@ $<

$(BUILD)/keeper-obj/%.o: src/%.c $(BUILD)/include/trampoline/paths.h
	@mkdir -p $(@D)
	$(CC) $(KEEPER_CFLAGS) -DVERSION='"$(VERSION)"' $(CFLAGS) -c -o $@ $<

$(BUILD)/trampoline: $(LAUNCHER_OBJ)
	$(LAUNCHER_LINK) -o $@ $^ $(LAUNCHER_END)

$(BUILD)/keeper: $(KEEPER_OBJ)
	$(CC) -pie $(LINK_HARDENING) $(LDFLAGS) -o $@ $^ $(KEEPER_LIBS)

launcher-objects: $(LAUNCHER_OBJ)

-include $(LAUNCHER_OBJ:.o=.d) $(KEEPER_OBJ:.o=.d)

# --- install -------------------------------------------------------------------------------------
LIBEXECDIR = $(DESTDIR)$(PREFIX)/libexec/trampoline
SHAREDIR   = $(DESTDIR)$(PREFIX)/share/trampoline
SHARED     = jail-image/trampoline.conf $(wildcard jail-image/*.sh jail-image/*.awk)

# An ordinary user can stage into DESTDIR; only root can give the set-uid program to root and the group.
install-check:
	@if [ "$$(id -u)" -eq 0 ]; then \
		case '$(CALLER_GROUP)' in *[!0-9]* | '') getent group '$(CALLER_GROUP)' >/dev/null ;; esac || { \
			echo 'make: cannot install for the group "$(CALLER_GROUP)": there is no such group;' \
				'create it, or name another with CALLER_GROUP=...' >&2; exit 1; }; \
	elif [ -z '$(DESTDIR)' ]; then \
		echo 'make: cannot install a set-uid program as an ordinary user: be root,' \
			'or stage the files with DESTDIR=...' >&2; exit 1; \
	fi

# With -j too: nothing is built before it is known that it can be installed.
ifneq ($(filter install,$(MAKECMDGOALS)),)
$(BUILD)/can-build: | install-check
endif

install: install-check all install-documents
	install -d -m 755 $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(LIBEXECDIR) $(SHAREDIR)/recipes
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/trampoline/jails.d
	install -d -m 711 $(DESTDIR)$(STATEDIR)
	install -d -m 755 $(DESTDIR)$(STATEDIR)/images $(DESTDIR)$(STATEDIR)/data
	@# A launcher runs the keeper that it was built with, so an older one stays for who is on his way; and no
	@# name is missing for an instant, as install(1) alone would have it.
	install -m 755 $(BUILD)/keeper $(LIBEXECDIR)/.keeper.new
	mv -f $(LIBEXECDIR)/.keeper.new $(LIBEXECDIR)/keeper-$(VERSION)
	install -m 755 $(SCRIPTS) $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(RECIPES) $(SHAREDIR)/recipes
	install -m 644 $(SHARED) $(SHAREDIR)
	test -e $(DESTDIR)$(SYSCONFDIR)/trampoline/trampoline.conf || \
		install -m 644 jail-image/trampoline.conf $(DESTDIR)$(SYSCONFDIR)/trampoline/trampoline.conf
	@# Last, and never for an instant without its group: chown clears the setuid bit, so it comes first.
	install -m 700 $(BUILD)/trampoline $(DESTDIR)$(PREFIX)/bin/.trampoline.new
	test "$$(id -u)" -ne 0 || chown root:$(CALLER_GROUP) $(DESTDIR)$(PREFIX)/bin/.trampoline.new
	chmod 4754 $(DESTDIR)$(PREFIX)/bin/.trampoline.new
	mv -f $(DESTDIR)$(PREFIX)/bin/.trampoline.new $(DESTDIR)$(PREFIX)/bin/trampoline
	@# A program of earlier versions, which only the launcher that is now replaced needed.
	rm -f $(LIBEXECDIR)/supervisor
	@test "$$(id -u)" -eq 0 || echo 'make: staged in $(DESTDIR) as you, so a package has to make root:root the owner' \
		'of all files, and root:$(CALLER_GROUP) that of $(PREFIX)/bin/trampoline, which then needs mode 4754 again'

# Where systemd, bash and man look below PREFIX; with another PREFIX than /usr or /usr/local, nowhere.
MAN8         = man/trampoline.8 $(wildcard man/trampoline-*.8)
MAN5         = man/trampoline.conf.5
MAN7         = $(wildcard man/trampoline-*.7)
UNITS        = $(BUILD)/share/systemd/trampoline-cleanup.service \
               $(BUILD)/share/systemd/trampoline-cleanup.timer
TMPFILES     = $(BUILD)/share/tmpfiles.d/trampoline.conf
CRON         = $(BUILD)/share/cron.d/trampoline
COMPLETION   = $(BUILD)/share/completion/trampoline.bash
MANDIR       = $(DESTDIR)$(PREFIX)/share/man
UNITDIR      = $(DESTDIR)$(PREFIX)/lib/systemd/system
TMPFILESDIR  = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
COMPLETIONDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
CRONDIR      = $(DESTDIR)$(SYSCONFDIR)/cron.d

$(BUILD)/share/%: jail-image/%.in $(BUILD)/settings
	@mkdir -p $(@D)
	$(SUBSTITUTE) $< >$@

$(BUILD)/share/%: man/%.in $(BUILD)/settings
	@mkdir -p $(@D)
	$(SUBSTITUTE) $< >$@

install-documents: $(UNITS) $(TMPFILES) $(CRON) $(COMPLETION) | install-check
	install -d -m 755 $(MANDIR)/man8 $(MANDIR)/man5 $(UNITDIR) $(TMPFILESDIR) $(COMPLETIONDIR) $(CRONDIR)
	install -m 644 $(MAN8) $(MANDIR)/man8
	install -m 644 $(MAN5) $(MANDIR)/man5
	install -d -m 755 $(MANDIR)/man7
	install -m 644 $(MAN7) $(MANDIR)/man7
	install -m 644 $(UNITS) $(UNITDIR)
	install -m 644 $(TMPFILES) $(TMPFILESDIR)/trampoline.conf
	install -m 644 $(COMPLETION) $(COMPLETIONDIR)/trampoline
	ln -sfn trampoline $(COMPLETIONDIR)/trampoline-image
	ln -sfn trampoline $(COMPLETIONDIR)/trampoline-user
	test -e $(CRONDIR)/trampoline || install -m 644 $(CRON) $(CRONDIR)/trampoline

# A crontab that is not as it was installed is somebody's own, as configuration, images and data are.
uninstall: $(CRON)
	rm -f $(DESTDIR)$(PREFIX)/bin/trampoline $(LIBEXECDIR)/keeper* $(LIBEXECDIR)/supervisor
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/sbin/,$(notdir $(SCRIPTS)))
	rm -f $(addprefix $(SHAREDIR)/recipes/,$(notdir $(RECIPES)))
	rm -f $(addprefix $(SHAREDIR)/,$(notdir $(SHARED)))
	rm -f $(addprefix $(MANDIR)/man8/,$(notdir $(MAN8))) $(addprefix $(MANDIR)/man5/,$(notdir $(MAN5))) $(addprefix $(MANDIR)/man7/,$(notdir $(MAN7)))
	rm -f $(addprefix $(UNITDIR)/,$(notdir $(UNITS))) $(TMPFILESDIR)/trampoline.conf
	rm -f $(addprefix $(COMPLETIONDIR)/,trampoline trampoline-image trampoline-user)
	if cmp -s $(CRON) $(CRONDIR)/trampoline; then rm -f $(CRONDIR)/trampoline; fi
	for directory in $(LIBEXECDIR) $(SHAREDIR)/recipes $(SHAREDIR); do \
		test ! -d $$directory || rmdir --ignore-fail-on-non-empty $$directory; done
	@echo "kept: $(DESTDIR)$(SYSCONFDIR)/trampoline, $(DESTDIR)$(STATEDIR)"
	@test -n '$(DESTDIR)' || ! test -e $(RUNDIR)/hub || \
		echo "live jails, and what runs in them, live on until the next boot; or install once more, and end" \
			"them before the uninstall: trampoline --discard --all --kill"
	@! test -e $(CRONDIR)/trampoline || echo "kept: $(CRONDIR)/trampoline, which is not as it was installed"
	@echo "if the timer was enabled: systemctl disable --now trampoline-cleanup.timer"

# mandoc links a page to another of ours where that one lies in the directory that it runs in.
html:
	mkdir -p $(BUILD)/html
	for page in $(notdir $(MAN8) $(MAN5) $(MAN7)); do \
		(cd man && mandoc -Thtml -O 'man=%N.%S.html;https://manpages.debian.org/%N.%S' $$page) \
			>$(BUILD)/html/$$page.html || exit 1; done

# The Debian package. From a copy, because dpkg-buildpackage writes beside its sources.
deb:
	rm -rf --one-file-system $(BUILD)/deb
	mkdir -p $(BUILD)/deb/trampoline-$(VERSION)
	cp -R Makefile README.md LICENSE debian src include jail-image man tests $(BUILD)/deb/trampoline-$(VERSION)
	cd $(BUILD)/deb/trampoline-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -us -uc
	@ls $(BUILD)/deb/*.deb

# --- house rules ---------------------------------------------------------------------------------
lint:
	MAKE='$(MAKE)' OUR_PKGS='$(PKGS)' tests/lint/lint.sh

format:
	clang-format -i $(wildcard src/*/*.[ch] src/keeper/*/*.[ch] include/*/*.h tests/*/*.[ch])

# --- tests ---------------------------------------------------------------------------------------
# What Debian calls what we need: to build and to show, and to check.
DEPS       = gcc make pkg-config musl-tools libmount-dev libcap-dev libseccomp-dev \
             busybox-static util-linux attr zstd
CHECK_DEPS = check libcap2-bin clang clang-format clang-tidy cppcheck shellcheck mandoc strace \
             bubblewrap mmdebstrap procps binutils systemd tmux jq python3 acl e2fsprogs \
             $(WEB_DEPS) libapache2-mod-fcgid qemu-system-x86 kmod cpio xz-utils skopeo umoci
PACKAGE_DEPS   = build-essential debhelper lintian mmdebstrap
WEB_DEPS       = apache2-bin apache2-utils curl perl-base
WEB_CHECK_DEPS = chromium php-fpm nodejs gunicorn
ARM64_DEPS     = gcc-aarch64-linux-gnu qemu-user

deps: deps-build
	@tests/deps $(CHECK_DEPS)

deps-build:
	@tests/deps $(DEPS)

# The objects that are shipped, with libcheck; what runs behind the drop is built for this libc too.
UNIT_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c)) $(BUILD)/keeper-obj/launcher/environment.o
CHECK_CFLAGS = $(call once,CHECK_CFLAGS,pkg-config --cflags check)
CHECK_LIBS   = $(call once,CHECK_LIBS,pkg-config --libs check)
$(BUILD)/can-test: | $(BUILD)/can-build
	@pkg-config --exists check || { \
		echo 'make: cannot build the unit tests: there is no libcheck; on Debian, "make deps" as root installs it' >&2; \
		exit 1; }
	@touch $@

$(BUILD)/tests/unit/%.o: tests/unit/%.c $(BUILD)/include/trampoline/paths.h | $(BUILD)/can-test
	@mkdir -p $(@D)
	$(CC) $(KEEPER_CFLAGS) $(CHECK_CFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/unit-tests: $(UNIT_OBJ) $(filter-out %/main.o,$(KEEPER_OBJ))
	$(CC) -pie $(LDFLAGS) $(CFLAGS) -o $@ $^ $(KEEPER_LIBS) $(CHECK_LIBS)

# What reads foreign bytes, with sanitizers: `unit' replays the corpus and mutates it for a moment,
# `fuzz' has libFuzzer look for longer.
FUZZ        = $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_SECONDS ?= 60
FUZZ_SRC    = $(COMMON_SRC) src/launcher/environment.c $(filter-out %/main.c,$(KEEPER_SRC))
FUZZ_CFLAGS = $(OUR_CFLAGS) -Isrc/keeper -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
              $(PKG_CFLAGS)
# A target may stand in for a function that asks the kernel: it is linked first, and the first is taken.
FUZZ_LINK   = -Wl,-z,muldefs
$(BUILD)/fuzz-obj/%.o: %.c $(BUILD)/include/trampoline/paths.h
	@mkdir -p $(@D)
	$(CC) $(FUZZ_CFLAGS) -c -o $@ $<

$(BUILD)/libfuzzer-obj/%.o: %.c $(BUILD)/include/trampoline/paths.h
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ:%=$(BUILD)/fuzz-%): $(BUILD)/fuzz-%: $(BUILD)/fuzz-obj/tests/fuzz/fuzz_%.o \
                 $(BUILD)/fuzz-obj/tests/fuzz/replay.o $(FUZZ_SRC:%.c=$(BUILD)/fuzz-obj/%.o)
	$(CC) $(FUZZ_CFLAGS) $(FUZZ_LINK) -o $@ $^ $(KEEPER_LIBS)

$(FUZZ:%=$(BUILD)/libfuzzer-%): $(BUILD)/libfuzzer-%: $(BUILD)/libfuzzer-obj/tests/fuzz/fuzz_%.o \
                 $(FUZZ_SRC:%.c=$(BUILD)/libfuzzer-obj/%.o)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer $(FUZZ_LINK) -o $@ $^ $(KEEPER_LIBS)

-include $(UNIT_OBJ:.o=.d) $(wildcard $(BUILD)/*fuzz*-obj/*/*/*.d $(BUILD)/*fuzz*-obj/*/*/*/*.d)

unit-build: $(BUILD)/unit-tests $(FUZZ:%=$(BUILD)/fuzz-%)

unit: unit-build
	$(BUILD)/unit-tests
	@for target in $(FUZZ); do $(BUILD)/fuzz-$$target tests/fuzz/corpus/$$target || exit 1; done

# What libFuzzer finds is added to what it begins with, in $(BUILD)/fuzz-found.
fuzz: $(FUZZ:%=$(BUILD)/libfuzzer-%)
	@for target in $(FUZZ); do \
		found=$(BUILD)/fuzz-found/$$target; mkdir -p $$found; \
		$(BUILD)/libfuzzer-$$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
			-artifact_prefix=$$found. $$found tests/fuzz/corpus/$$target >$$found.log 2>&1 || { \
			tail -n 60 $$found.log; echo "fuzz: $$target: the input is beside $$found.log"; exit 1; }; \
		awk -v target=$$target '$$1 ~ /^#/ && $$3 == "cov:" { edges = $$4 } \
			/number_of_executed_units/ { runs = $$2 } \
			END { printf "%-10s %10d executions, %5d edges reached\n", target, runs, edges }' \
			$$found.log; done

# Which lines the unit, system and attack tests and a sample of the faults reach, with floors.
coverage: deps
	@BUILD='$(BUILD)/coverage' tests/coverage/measure $(FILES)

check: deps
	@tests/run

check-package: deps
	@tests/deps $(PACKAGE_DEPS)
	@tests/run $(filter-out %/lib.sh,$(wildcard tests/package/*.sh))

check-web: deps
	@tests/deps $(WEB_CHECK_DEPS)
	@tests/run tests/system/image-debian.sh $(filter-out %/lib.sh,$(wildcard tests/web/*.sh))

check-mutants: deps
	@tests/attack/mutants

check-model:
	@tests/deps spin
	@tests/model/check.sh

check-fault: deps
	@FAULT_SWEEP=$${FAULT_SWEEP:-all} FILE_SECONDS=86400 VERBOSE=1 tests/run tests/fault/sweep.sh

# One after the other, whatever the first says.
KERNELS ?= 6.1 6.12
check-kernels: deps
	@status=0; for kernel in $(KERNELS); do \
		KERNEL=$$kernel MACHINE_SECONDS=$${MACHINE_SECONDS:-86400} tests/run \
			$(filter-out %/lib.sh,$(wildcard tests/system/*.sh tests/attack/*.sh tests/kernels/*.sh)) || status=1; \
	done; exit $$status

check-arm64: deps
	@tests/deps $(ARM64_DEPS)
	@FILE_SECONDS=$${FILE_SECONDS:-7200} tests/run tests/arm64/unit.sh

system: deps
	@tests/run $(filter-out %/lib.sh,$(wildcard tests/system/*.sh))

# A measurement that misses its aim stops none of the others. Peers are not installed: some are set-uid root.
bench: deps
	@tests/deps gnuplot-nox
	@status=0; for name in entry python worker scale memory users web report; do \
		tests/bench/$$name.sh || status=1; done; exit $$status

demo: deps-build
	@tests/demo/demo.sh show

demo-web: deps-build
	@tests/deps $(WEB_DEPS)
	@tests/demo/demo.sh web

demo-clean:
	@tests/demo/demo.sh clean

clean:
	rm -rf $(BUILD)/test $(BUILD)/tests $(BUILD)/deb $(BUILD)/html $(BUILD)/web $(BUILD)/coverage $(BUILD)/*fuzz* $(BUILD)/share $(BUILD)/include \
		$(BUILD)/*-obj $(BUILD)/trampoline* $(BUILD)/keeper $(BUILD)/unit-tests* \
		$(BUILD)/settings $(BUILD)/can-build $(BUILD)/can-test

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: all launcher-objects install install-check install-documents uninstall lint format clean help deps deps-build deb html check-package check-web check-mutants unit unit-build fuzz check-model check-fault \
        check-kernels check-arm64 coverage check system bench demo demo-web demo-clean
