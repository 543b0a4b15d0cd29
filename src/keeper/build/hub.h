/* SPDX-License-Identifier: MIT */
/* The hub: one mount namespace of ours, whose tiny root holds the pins of all live jails. */
#pragma once

#include "namespace.h"
#include "trampoline/attributes.h"
#include "trampoline/text.h"

/* A descriptor of RUNDIR, which must be root's, 0700; make: made if missing. -1 with *ERROR. */
int hub_open_run_directory(struct text *error) MUST_CHECK;
int hub_make_run_directory(struct text *error) MUST_CHECK;

/* Fills the directory at DEV_FD with the minimal /dev of a jail. 0, or -1 and errno. */
int hub_populate_dev(int dev_fd) MUST_CHECK;

/* A descriptor of the hub's namespace; -1 and errno ENXIO: there is none, ESTALE: not ours. */
int hub_open(const struct namespace_host *host, int run_fd) MUST_CHECK;

/*
 * The same, made if there is none of our layout. There is never a second, and none is taken away
 * that may be in use: only process 1's mount namespace may have one, and in a pid namespace that is
 * not the first, where that is no copy of another's. A hub of another layout goes, which takes its
 * pins with it and hurts nobody inside.
 */
int hub_ensure(const struct namespace_host *host, int run_fd, struct text *error) MUST_CHECK;
