/* SPDX-License-Identifier: MIT */
/* Mount namespaces: making one that can be pinned, and moving between them. */
#pragma once

#include <libmount.h>
#include <sys/types.h>

#include "trampoline/attributes.h"

/* The host's side, where a keeper starts, and what it needs to come back from the hub. */
struct namespace_host {
	int mount_fd; /* the mount namespace it was started in */
	int proc_fd;  /* O_PATH: that namespace's /proc, of use where there is none */
};

/* 0, or -1 and errno. Both descriptors stay open for the life of the process. */
int namespace_remember(struct namespace_host *host) MUST_CHECK;

/* Whether this is PID 1's mount namespace and its root: 1, 0, or -1 and errno. */
int namespace_is_first(void) MUST_CHECK;

/* A descriptor of this process's own namespace KIND ("mnt", "ipc", "net"). -1 and errno. */
int namespace_open(const struct namespace_host *host, const char *kind) MUST_CHECK;

/*
 * The mount table of PROCESS, 0 for this one, as the kernel tells it: no file is looked at. For
 * AUTO_TABLE; NULL and errno, as open(2) and read(2) of proc_pid_mountinfo(5) have it.
 */
struct libmnt_table *namespace_mounts(const struct namespace_host *host, pid_t process);

/* unshare(2) with the CLONE_ FLAG of KIND, and a look at whether it did. -1 and errno. */
int namespace_unshare(const struct namespace_host *host, const char *kind, int flag) MUST_CHECK;

/* Moves to the mount namespace at FD; root and working directory become its root. */
int namespace_enter(int fd) MUST_CHECK;

/*
 * The same, proved: where something is to be built, a seccomp filter of the caller's parent may
 * only say that it was done. -1 and errno, then EPROTO.
 */
int namespace_enter_surely(const struct namespace_host *host, int fd) MUST_CHECK;

/*
 * Makes a copy of the mount namespace at BASE_FD that can be pinned in the one at PINNER_FD.
 * Returns its descriptor and, in *PIN_FD, a detached tree of it to attach there; the process is in
 * the new namespace afterwards. -1 and errno.
 */
int namespace_new(const struct namespace_host *host, int base_fd, int pinner_fd,
		  int *pin_fd) MUST_CHECK;

/* Makes a network namespace with its loopback device up, and stays in it. */
int namespace_new_network(const struct namespace_host *host) MUST_CHECK;
