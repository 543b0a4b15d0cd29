/* SPDX-License-Identifier: MIT */
/*
 * One jail's life, for spin(1): two requests, each with a keeper of its own where the jail has to be
 * built, beside an administrator's commands. A step is one system call, and an inline has the name of
 * the function that makes these calls. A killer ends KILLS of them between any two steps; the kernel
 * then gives back what only that process held.
 *
 *	launcher	src/launcher/enter.c and main.c: enter()
 *	keeper		src/keeper/build/build.c
 *	cleaner		retire_idle() in src/keeper/admin/retire.c, twice: it marks, then it retires
 *	discarder	retire_now() there; with KILL it is --discard --kill
 *	remover		jail-image/remove.sh
 *	pruner		trampoline-image: activates image 1, then deletes image 0
 *
 * What is asserted, at the step that would break it:
 *	A	a launcher joins namespaces of one build, which is whole, and is that of its record
 *	B	who becomes the user does so in no jail of which a discard has returned
 *	C	no data are deleted, and no image, while a process is in a jail with it
 *	D	a record that is in force has its pins, unless a cleanup has removed them
 *	E	after --discard --kill nobody is in a jail whose record it has withdrawn
 *
 * Each of these takes one rule away, and each of them has to fail:
 *	NO_LOCK		keepers do not lock the jail
 *	NO_FLOCK	a launcher does not lock the record
 *	RECORD_FIRST	a keeper publishes the record before it attaches the pins
 *	PINS_FIRST	a keeper replaces the pins before it withdraws the old record
 */

#ifndef KILLS
#define KILLS 1
#endif
#ifndef CLEANERS
#define CLEANERS 0
#endif
#ifndef DISCARDERS
#define DISCARDERS 0
#endif
#ifndef REMOVERS
#define REMOVERS 0
#endif
#ifndef PRUNERS
#define PRUNERS 0
#endif

#define LAUNCHERS 2
#define ACTORS    (LAUNCHERS + CLEANERS + DISCARDERS + REMOVERS + PRUNERS)
#define TRIES     2
#define BUILDS    3 /* a request that needs one more is refused */
#define LOCKS     3 /* directories jails/NAME, one after the other; each is a lock */
#define NONE      7

/* A record's file and the namespaces of one build have the same number. */
/* The record's file: has a name, has RECORD_MODE, has had a name. */
bit linked[BUILDS], in_force[BUILDS], is_published[BUILDS];
bit is_exclusive[BUILDS];               /* a keeper's flock on it */
bit is_whole[BUILDS], is_marked[BUILDS], is_expired[BUILDS], is_discarded[BUILDS];
byte inode[BUILDS];                     /* of the namespaces; the kernel uses a free one again */
byte image_of[BUILDS];
byte built = 0;
byte record = NONE;                     /* jails/NAME/record */
byte mount_pin = NONE, ipc_pin = NONE;  /* in the hub */
byte directory = NONE, made = 0;        /* jails/NAME, and how many there have been */
bit is_locked[LOCKS];

bit has_data = 1, is_deleted = 0;       /* data/NAME has its name; it is deleted */
byte current = 0;                       /* the image's version */
bit is_pruned = 0;                      /* image 0 is deleted */

/* What each process holds, for the kernel to take back. */
byte shared_lock[ACTORS], exclusive_lock[ACTORS], jail_lock[ACTORS];
byte open_mount[ACTORS], open_ipc[ACTORS]; /* pins */
byte in_mount[ACTORS], in_ipc[ACTORS];     /* namespaces */
bit is_user[ACTORS], is_dead[ACTORS], is_done[ACTORS];
byte kills = 0;

#define is_there(g) (mount_pin == g || ipc_pin == g)

inline release(who)
{
	if
	:: exclusive_lock[who] != NONE -> is_exclusive[exclusive_lock[who]] = 0
	:: else
	fi;
	if
	:: jail_lock[who] != NONE -> is_locked[jail_lock[who]] = 0
	:: else
	fi;
	shared_lock[who] = NONE; exclusive_lock[who] = NONE; jail_lock[who] = NONE;
	open_mount[who] = NONE; open_ipc[who] = NONE; in_mount[who] = NONE; in_ipc[who] = NONE;
	is_user[who] = 0
}

/* Sets FLAG: somebody's FIELD is VALUE. */
#define any(field, value, flag) \
	flag = 0; \
	for (k : 0 .. ACTORS - 1) { \
		if \
		:: field[k] == value -> flag = 1 \
		:: else \
		fi \
	}

/* A number that no namespace has which is pinned, open or entered. */
inline choose_inode(g)
{
	inode[g] = 0;
	do
	:: true ->
		flag = 0;
		for (j : 0 .. BUILDS - 1) {
			if
			:: j < g && inode[j] == inode[g] ->
				if
				:: is_there(j) -> flag = 1
				:: else ->
					for (k : 0 .. ACTORS - 1) {
						if
						:: in_mount[k] == j || in_ipc[k] == j || open_mount[k] == j ||
						   open_ipc[k] == j -> flag = 1
						:: else
						fi
					}
				fi
			:: else
			fi
		}
		if
		:: flag -> inode[g]++
		:: else -> break
		fi
	od
}

/*
 * ---- what keepers share: build/state.c, build/pin.c ----
 * What is local is decided in the same step as the call before it. FAILED: the function returns -1.
 */

inline state_lock()
{
	d_step {
		failed = directory == NONE && made == LOCKS;
		if
		:: directory == NONE && made < LOCKS -> directory = made; made++
		:: else
		fi;
		l = directory
	};
#ifndef NO_LOCK
	/* One who waits is one who comes later. The directory that is locked has to be in place. */
	d_step {
		if
		:: failed || is_locked[l] || directory != l -> failed = 1
		:: else -> is_locked[l] = 1; jail_lock[me] = l
		fi
	}
#endif
}

inline state_unlock()
{
	d_step {
		if
		:: jail_lock[me] != NONE -> is_locked[jail_lock[me]] = 0; jail_lock[me] = NONE
		:: else
		fi
	}
}

inline state_withdraw()
{
	d_step { failed = 0; r = record };
	if
	:: atomic { r == NONE -> skip }
	:: atomic { r != NONE -> in_force[r] = 0 };
		d_step {
			any(shared_lock, r, flag);
			failed = flag || is_exclusive[r];
			if
			:: failed
			:: else -> is_exclusive[r] = 1; exclusive_lock[me] = r
			fi
		};
		if
		:: atomic { failed -> skip }
		:: d_step {
			!failed ->
			linked[r] = 0; is_exclusive[r] = 0; exclusive_lock[me] = NONE;
			if
			:: record == r -> record = NONE
			:: else
			fi
		}
		fi
	fi
}

inline pin_remove()
{
	mount_pin = NONE;
	ipc_pin = NONE
}

/* ---- build/build.c; FAILED: the request is refused ---- */

inline jail_describe()
{
	d_step { failed = !has_data; version = current }
}

inline is_live()
{
	d_step {
		live = 0;
		if
		:: record != NONE && mount_pin != NONE && ipc_pin != NONE ->
			live = in_force[record] && has_data && image_of[record] == current &&
			       inode[mount_pin] == inode[record] && inode[ipc_pin] == inode[record]
		:: else
		fi
	}
}

inline state_publish()
{
	d_step {
		if
		:: record != NONE -> linked[record] = 0 /* what rename(2) replaces */
		:: else
		fi;
		linked[b] = 1; in_force[b] = 1; is_published[b] = 1; record = b
	}
}

inline pin_attach()
{
	mount_pin = b;
	ipc_pin = b
}

inline build()
{
	d_step {
		failed = built == BUILDS;
		if
		:: failed
		:: else ->
			b = built; built++; image_of[b] = version; choose_inode(b);
			in_mount[me] = b; in_ipc[me] = b; is_whole[b] = 1 /* verify_jail() */
		fi
	};
	if
	:: atomic { failed -> skip }
	:: else ->
#ifdef PINS_FIRST
		pin_remove();
		pin_attach();
#endif
		state_withdraw();
		if
		:: atomic { failed -> skip }
		:: else ->
#ifdef RECORD_FIRST
			state_publish();
#endif
#ifndef PINS_FIRST
			pin_remove();
			pin_attach();
#endif
#ifndef RECORD_FIRST
			state_publish();
#endif
			skip
		fi;
		d_step { in_mount[me] = NONE; in_ipc[me] = NONE }
	fi
}

inline build_jail()
{
	jail_describe();
	if
	:: atomic { failed -> skip }
	:: else ->
		state_lock();
		if
		:: atomic { failed -> skip }
		:: else ->
			is_live();
			if
			:: atomic { live -> skip }
			:: else ->
				jail_describe();
				if
				:: atomic { failed -> skip }
				:: else -> build()
				fi
			fi;
			state_unlock()
		fi
	fi
}

/* ---- launcher/enter.c ---- */

/* The pin that may be opened by its name, if it is RECORD's; the mark of MNT_EXPIRE goes. */
#define open_pin(pin, field) \
	if \
	:: pin == NONE -> flag = 1 \
	:: else -> \
		is_marked[pin] = 0; \
		if \
		:: inode[pin] == inode[r] -> field[me] = pin \
		:: else -> flag = 1 \
		fi \
	fi

proctype launcher(byte me)
{
	byte r, b, l, k, j, version, tries = 0;
	bit failed, flag, live;
{
	skip;
again:
	/* enter_open() */
	atomic {
		r = record; tries++;
		if
		:: r == NONE -> goto stale
		:: else
		fi
	};
	if
	:: !in_force[r] -> goto stale
	:: else
	fi;
	if
	:: !has_data || image_of[r] != current -> goto stale /* record_is_current() */
	:: else
	fi;
	/* enter_join() */
#ifndef NO_FLOCK
	atomic {
		if
		:: is_exclusive[r] -> goto stale
		:: else -> shared_lock[me] = r
		fi
	};
#endif
	d_step { flag = 0; open_pin(mount_pin, open_mount) };
	d_step { open_pin(ipc_pin, open_ipc) };
	atomic {
		live = linked[r] && in_force[r];
		assert(!(flag && live && !is_expired[r])); /* D */
		if
		:: flag || !live ->
			d_step { shared_lock[me] = NONE; open_mount[me] = NONE; open_ipc[me] = NONE };
			goto stale
		:: else
		fi
	};
	d_step {
		in_ipc[me] = open_ipc[me]; open_ipc[me] = NONE;
		in_mount[me] = open_mount[me]; open_mount[me] = NONE;
		assert(in_ipc[me] == in_mount[me]);       /* A */
		assert(in_mount[me] == r && is_whole[r]); /* A */
		assert(!(is_pruned && image_of[r] == 0))  /* C */
	};
	d_step { /* privilege_drop() */
		is_user[me] = 1;
		assert(!is_discarded[r]); /* B */
		assert(!is_deleted)       /* C */
	};
	shared_lock[me] = NONE;
	goto done; /* the command runs, and ends */
stale:
	build_jail();
	if
	:: !failed && tries < TRIES -> goto again
	:: else
	fi;
done:
	skip;
	d_step { release(me); is_done[me] = 1; r = 0; b = 0; l = 0; version = 0; tries = 0; failed = 0; flag = 0; live = 0 }
} unless { is_dead[me] }
}

/* ---- admin/retire.c ---- */

inline state_remove()
{
	d_step {
#ifdef NO_LOCK
		directory = NONE
#else
		if
		:: directory == jail_lock[me] -> directory = NONE
		:: else
		fi
#endif
	}
}

inline retire()
{
	state_withdraw();
	if
	:: atomic { failed -> skip }
	:: else -> pin_remove(); state_remove()
	fi
}

inline expire()
{
	d_step { /* pin_expire() */
		failed = 0;
		if
		:: mount_pin == NONE
		:: else ->
			any(open_mount, mount_pin, flag);
			if
			:: flag -> failed = 1
			:: else ->
				if
				:: is_marked[mount_pin] ->
					is_expired[mount_pin] = 1;
					mount_pin = NONE
				:: else -> is_marked[mount_pin] = 1; failed = 1
				fi
			fi
		fi
	};
	if
	:: atomic { failed -> skip }
	:: else -> retire()
	fi
}

proctype cleaner(byte me)
{
	byte r, l, k, pass = 0;
	bit failed, flag, is_used;
{
	do
	:: pass == 2 -> break
	:: else ->
		pass++;
		d_step { any(is_user, 1, is_used) }; /* live_open() */
		state_lock();
		if
		:: failed
		:: else ->
			if
			:: is_used
			:: else -> expire()
			fi;
			state_unlock()
		fi
	od;
	skip;
	d_step { release(me); is_done[me] = 1 }
} unless { is_dead[me] }
}

/* Kills all that show the user's uid: kill(-1, SIGKILL) by one who has become the uid. */
inline child_kill()
{
	d_step {
		for (j : 0 .. ACTORS - 1) {
			if
			:: is_user[j] -> release(j); is_dead[j] = 1
			:: else
			fi
		}
	}
}

/* Who has come by a record that it has withdrawn runs as the user, or does not come in. */
inline note_discard()
{
	d_step {
		for (j : 0 .. BUILDS - 1) {
			if
			:: is_published[j] && !linked[j] -> is_discarded[j] = 1
			:: else
			fi
		}
	}
}

proctype discarder(byte me)
{
	byte r, l, k, j;
	bit failed, flag, is_withdrawn;
{
	state_lock();
	if
	:: failed -> goto done
	:: else
	fi;
#ifdef KILL
	state_withdraw();
	is_withdrawn = !failed;
	child_kill();
	if
	:: is_withdrawn
	:: else ->
		state_withdraw();
		if
		:: failed -> goto done
		:: else -> child_kill()
		fi
	fi;
	d_step {
		for (j : 0 .. LAUNCHERS - 1) {
			if
			:: is_user[j] -> assert(linked[in_mount[j]]) /* E */
			:: else
			fi
		}
	};
#endif
	retire();
	if
	:: failed -> goto done
	:: else
	fi;
	note_discard();
	state_unlock();
done:
	skip;
	d_step { release(me); is_done[me] = 1 }
} unless { is_dead[me] }
}

/* ---- jail-image/remove.sh ---- */

proctype remover(byte me)
{
	byte r, l, k, j;
	bit failed, flag;
{
	d_step { any(is_user, 1, flag) }; /* need_idle */
	if
	:: flag -> goto done
	:: else
	fi;
	has_data = 0;
	failed = 0;
	if
	:: directory == NONE && mount_pin == NONE && ipc_pin == NONE /* it is not live */
	:: else ->
		state_lock();
		if
		:: failed
		:: else -> retire(); state_unlock()
		fi
	fi;
	if
	:: failed -> has_data = 1; goto done /* undo */
	:: else
	fi;
	d_step { any(is_user, 1, flag) };
	if
	:: flag -> has_data = 1; goto done
	:: else
	fi;
	d_step {
		is_deleted = 1;
		any(is_user, 1, flag);
		assert(!flag) /* C */
	};
done:
	skip;
	d_step { release(me); is_done[me] = 1 }
} unless { is_dead[me] }
}

/* ---- trampoline-image, and admin/ask.c: answer_mounted() ---- */

proctype pruner(byte me)
{
	byte r, l, k;
	bit failed, flag, is_used;
{
	current = 1;
	is_used = 0;
	if
	:: directory == NONE && mount_pin == NONE && ipc_pin == NONE
	:: else ->
		state_lock();
		if
		:: failed -> goto done
		:: else ->
			r = record; /* is_on_image() */
			if
			:: atomic { r == NONE -> skip }
			:: atomic { r != NONE && in_force[r] -> is_used = image_of[r] == 0 }
			:: atomic { r != NONE && !in_force[r] -> skip };
				state_withdraw();
				is_used = failed
			fi;
			state_unlock()
		fi
	fi;
	if
	:: is_used -> goto done
	:: else
	fi;
	d_step { /* ask_find_mounted() */
		for (k : 0 .. ACTORS - 1) {
			if
			:: in_mount[k] != NONE ->
				if
				:: image_of[in_mount[k]] == 0 -> is_used = 1
				:: else
				fi
			:: else
			fi
		}
	};
	if
	:: is_used -> goto done
	:: else
	fi;
	d_step {
		is_pruned = 1;
		for (k : 0 .. LAUNCHERS - 1) {
			if
			:: is_user[k] -> assert(image_of[in_mount[k]] != 0) /* C */
			:: else
			fi
		}
	};
done:
	skip;
	d_step { release(me); is_done[me] = 1 }
} unless { is_dead[me] }
}

proctype killer()
{
	byte k;

	do
	:: kills == KILLS -> break
	:: else ->
		select(k : 0 .. ACTORS - 1);
		skip;
		d_step {
			kills++;
			if
			:: !is_dead[k] && !is_done[k] -> release(k); is_dead[k] = 1
			:: else
			fi
		}
	od
}

init
{
	byte k, next = LAUNCHERS;

	d_step {
		for (k : 0 .. ACTORS - 1) {
			shared_lock[k] = NONE; exclusive_lock[k] = NONE; jail_lock[k] = NONE;
			open_mount[k] = NONE; open_ipc[k] = NONE; in_mount[k] = NONE; in_ipc[k] = NONE
		}
	};
	atomic {
		for (k : 0 .. LAUNCHERS - 1) {
			run launcher(k)
		}
#if CLEANERS
		run cleaner(next); next++;
#endif
#if DISCARDERS
		run discarder(next); next++;
#endif
#if REMOVERS
		run remover(next); next++;
#endif
#if PRUNERS
		run pruner(next); next++;
#endif
#if KILLS
		run killer();
#endif
	}
}
