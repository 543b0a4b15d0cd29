#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The house rules that a grep can check, as TAP: one line per rule, the offending lines below it.
#   rules.sh [RULE...]     check the tree that this file is in (all rules, or those named)
#   rules.sh --self-test   plant a violation of every rule in a scratch copy; each must be found
#   rules.sh --files       the files that the rules are about
#
# A rule is three things: a line in `rules`, a function check_NAME that prints what offends (nothing
# is good), and a function plant_NAME that offends. Patterns are written so as not to match themselves.
# shellcheck disable=SC2046,SC2086 # lists are words here, and no name in this tree has a space
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# --- which room may do what ----------------------------------------------------------------------
# An exception that nothing needs any more is an offence itself: see except_in and except_at.
# Credentials, capabilities, no_new_privs and seccomp change in these alone:
privilege_rooms='src/launcher/privilege.c src/keeper/privilege.c'
# The mount table changes in these alone:
mount_rooms='src/keeper/build/tree.c src/keeper/build/hub.c src/keeper/build/pin.c
	src/launcher/supervise.c'
# and here a call that must fail asks whether the kernel has it.
mount_functions='src/keeper/admin/check.c:check_kernel'
# Namespaces are made, entered and left in these alone:
namespace_rooms='src/launcher/enter.c src/launcher/supervise.c src/keeper/build/namespace.c'
# and here a call that must fail asks whether the filter is there, and a fork is made without libc.
namespace_functions='src/launcher/privilege.c:privilege_filter src/launcher/keeper.c:keeper_build'
# Names are removed, always single known ones, in these alone:
delete_rooms='src/keeper/build/hub.c src/keeper/build/state.c src/keeper/build/pin.c src/keeper/build/cgroup.c'
# The procedures, which may end the program:
dying_rooms='src/launcher/main.c src/launcher/keeper.c src/launcher/report.c src/launcher/report.h
	src/launcher/supervise.c src/launcher/relay.c src/launcher/watch.c src/launcher/init.c src/launcher/execute.c
	src/keeper/main.c src/keeper/build/build.c src/keeper/report.c src/keeper/admin/ask.c
	src/keeper/admin/retire.c src/keeper/admin/list.c src/keeper/admin/check.c src/keeper/admin/explain.c'
# and here a child ends, which is not the program.
dying_functions='src/keeper/admin/child.c:answer_in_child src/keeper/admin/child.c:kill_once'
# Those that write to descriptors 1 and 2, or where the caller has pointed us:
speaking_rooms='src/launcher/report.c src/keeper/main.c src/keeper/report.c
	src/keeper/admin/list.c src/keeper/admin/check.c src/keeper/admin/explain.c src/keeper/admin/ask.c src/keeper/admin/retire.c'
# Descriptors that the command is to inherit:
inherited_fds='src/launcher/descriptors.c:open_null'
# What may be compiled without heap and stdio, and is:
small_rooms='src/launcher src/common'
# What runs behind the drop, as the user; what it may call of the rest of the launcher, and ask the kernel for by number.
jailed_files='environment execute init'
jailed_headers='environment.h execute.h init.h report.h supervise.h'
jailed_calls='getcwd rt_sigprocmask'
jailed_prctls='PR_SET_PDEATHSIG'

rules='
forbidden|no call that cannot be used safely
small|the setuid part and what it shares with the keeper: no heap, stdio, NSS, locale, loader
jailed|what runs behind the drop makes no privileged call and knows no path of the host
headers|the setuid part and what it shares with the keeper include no library header of the keeper
credentials|ids, capabilities, no_new_privs and seccomp change in privilege.c alone
mounts|the mount table changes in its rooms alone
namespaces|namespaces change in their rooms alone
deletes|names are removed in their rooms alone, which know no path of users or images
recursion|no function calls itself, so nothing is deleted recursively
walks|no library call that walks or deletes a tree
dying|only procedures end the program
speaking|only the reporting rooms speak
cloexec|every descriptor is made close-on-exec
includes|what a C file uses of a system header, it or a header of ours includes
extern|no extern variable
features|no conditional compilation: what the kernel lacks is asked at run time
goto|no goto, no typedef of a struct, no assignment inside an if
own_header|each .c includes its own header first
pragma|every header says pragma once
spdx|every C file begins with its SPDX line
arrows|includes go one way: common knows no program, no program another
prefix|what a header declares bears the name of its file
file_length|no C file has more than 300 lines
width|no line of C is wider than 100 columns
function_length|no function has more than 60 lines
launcher_size|the set-uid program, with all that it links of ours, has at most 2,930 lines
keeper_size|the keeper has at most 5,080 lines in at most 25 rooms
messages|messages say "cannot", never that something failed
marks|no reminder left in the tree
organisation|the tree speaks of the project alone
machine|no path, user or host of one machine
spaces|no trailing space, no CR, a newline at the end
shell_safe|shell scripts stop at the first error
shell_delete|no script deletes a tree across file systems
options|of each program: the code, --help, the man page and the completion name the same commands, options, limits; --help fits a screen
statuses|the exit statuses of --help are in the man page
signals|trampoline(8) names the signals that the watcher passes on
keys|the keeper, trampoline.conf(5) and the shipped trampoline.conf know the same keys
targets|the targets that make help lists exist
version|debian/changelog begins with the version of the Makefile
'

# --- looking ---------------------------------------------------------------------------------------

# Everything that is, or could be, tracked. git does not speak to strangers, and is not in a tarball.
list_files() {
	{
		git ls-files --cached --others --exclude-standard 2>/dev/null ||
			find . \( -name .git -o -path ./build \) -prune -o -type f -print | sed 's|^\./||'
	} | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done | sort
}

# The files under the given directories whose names end as given: `named 'c h' src include`.
named() {
	endings=$(printf '%s' "$1" | tr ' ' '|')
	shift
	for directory; do
		grep -E "^$directory/.*\.($endings)\$" "$view/files" || :
	done
}

# Copies of the C files without comments: code/ without strings too, words/ with them.
make_view() {
	view=$(mktemp -d)
	trap 'rm -r --one-file-system "$view"' EXIT
	trap 'exit 130' INT TERM
	refresh_view
}

refresh_view() {
	list_files >"$view/files"
	grep -qx 'src/launcher/main\.c' "$view/files" || {
		echo 'Bail out! no file found to check'
		exit 1
	}
	strip $(named 'c h' src include tests)
}

# strip FILE...: the copies of these.
strip() {
	for directory in $(printf '%s\n' "$@" | sed 's|/[^/]*$||' | sort -u); do
		mkdir -p "$view/code/$directory" "$view/words/$directory"
	done
	awk -v code="$view/code" -v words="$view/words" -f "$here/strip.awk" "$@" /dev/null
}

# grep_in VIEW PATTERN FILE...: FILE:LINE:TEXT of each match. No file is no match, but is no error.
grep_in() {
	directory=$1 pattern=$2
	shift 2
	[ $# -gt 0 ] || return 0
	(cd "$directory" && grep -HnE -e "$pattern" -- "$@") || :
}

# grep_code PATTERN DIRECTORY...: the same in the code of these directories.
grep_code() {
	code_pattern=$1
	shift
	grep_in "$view/code" "$code_pattern" $(named 'c h' "$@")
}

# A pattern for a call of any of the given functions: word, then parenthesis.
a_call_of() {
	printf '(^|[^A-Za-z0-9_])(%s)[[:space:]]*\\(' "$(echo "$@" | tr ' ' '|')"
}

a_word_of() {
	printf '(^|[^A-Za-z0-9_])(%s)([^A-Za-z0-9_]|$)' "$(echo "$@" | tr ' ' '|')"
}

# Drops the lines of the files named, FILE..., or of the functions named, FILE:FUNCTION...: the rest
# may not do it. Whoever is named and does not do it either is told.
except_in() {
	awk -v names="$*" '
		BEGIN { count = split(names, name); for (i = 1; i <= count; i++) listed[name[i]] = 1 }
		{ file = $0; sub(/:.*/, "", file) }
		file in listed { used[file] = 1; next }
		{ print }
		END { for (room in listed) if (!used[room]) print room ": an exception for nothing" }'
}

except_at() {
	in_functions lines -v wanted="$*" >"$view/excepted"
	awk -F : -v names="$*" -v excepted="$view/excepted" '
		BEGIN {
			count = split(names, name, " ")
			for (i = 1; i <= count; i++)
				listed[name[i]] = 1
			while ((getline line < excepted) > 0) {
				split(line, part, ":")
				at[part[1] ":" part[2]] = part[1] ":" part[3]
			}
		}
		($1 ":" $2) in at { used[at[$1 ":" $2]] = 1; next }
		{ print }
		END { for (one in listed) if (!used[one]) print one ": an exception for nothing" }'
}

in_functions() {
	functions_rule=$1
	shift
	(cd "$view/code" && for file in $(named c src); do
		awk -v rule="$functions_rule" "$@" -f "$here/functions.awk" "$file"
	done)
}

# --- planting: only ever in the scratch copy -----------------------------------------------------

# plant FILE LINE...: appends to a file of the copy, or makes it.
plant() {
	planted=$1
	shift
	mkdir -p "$(dirname "$planted")"
	printf '%s\n' "$@" >>"$planted"
}

# One line per word, each a violation of its own: plant_each FILE FORMAT WORD...
plant_each() {
	planted=$1 format=$2
	shift 2
	for word; do
		# shellcheck disable=SC2059
		printf "$format\n" "$word" >>"$planted"
	done
	expected=$#
}

# --- the rules -----------------------------------------------------------------------------------

forbidden='strcpy strcat sprintf vsprintf gets system popen atoi atol atoll atof realpath getenv
	secure_getenv access alloca chroot setfsuid setfsgid tmpnam tempnam mktemp strtok vfork
	putenv setenv unsetenv longjmp'
check_forbidden() { grep_code "$(a_call_of $forbidden)" src include; }
plant_forbidden() { plant_each src/keeper/build/build.c '	(void)%s(x);' $forbidden; }

small='malloc calloc realloc free strdup strndup asprintf vasprintf printf fprintf snprintf vsnprintf
	dprintf puts fopen fdopen fgets getline sscanf getpwnam getpwuid getgrnam getgrgid
	initgroups getgrouplist setlocale dlopen iconv_open qsort syslog openlog localtime strftime
	getaddrinfo sbrk mmap'
check_small() { grep_code "$(a_call_of $small)" $small_rooms; }
plant_small() {
	plant_each src/common/name.c '	x = %s(y);' $small
	plant src/launcher/execute.c '	x = mmap(y);'
	plant src/launcher/watch.c '	x = malloc(y);'
	expected=$((expected + 2))
}

keeper_headers='libmount|ini|seccomp|stdio|pwd|grp|locale|dlfcn|syslog|sys/capability'
check_headers() {
	grep_code "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($keeper_headers)(/[a-z]*)?\.h>" \
		$small_rooms include
}
plant_headers() { plant src/launcher/enter.c '#include <stdio.h>'; }

credentials='setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups capset
	cap_set_proc cap_set_flag cap_set_ambient cap_drop_bound seccomp seccomp_load'
credential_words='SYS_setresuid SYS_setresgid SYS_setuid SYS_setgid SYS_setgroups SYS_capset
	SYS_seccomp PR_SET_NO_NEW_PRIVS PR_CAPBSET_DROP PR_SET_SECUREBITS PR_SET_KEEPCAPS
	PR_CAP_AMBIENT PR_SET_SECCOMP'
check_credentials() {
	{
		grep_code "$(a_call_of $credentials)" src
		grep_code "$(a_word_of $credential_words)" src
	} | except_in $privilege_rooms
}
plant_credentials() {
	plant_each src/launcher/enter.c '	if (%s(0)) return;' $credentials
	first=$expected
	plant_each src/keeper/build/build.c '	prctl(%s, 0);' $credential_words
	expected=$((first + expected))
}

# What the user may do is left to the kernel; this is what would show that somebody forgot who he is.
privileged='chroot chown fchown fchownat lchown mknod mknodat setrlimit prlimit setpriority sethostname
	ptrace keyctl ioctl setsid open openat openat2 creat unlink unlinkat rename renameat rmdir mkdir
	link symlink chmod fchmod'
grep_jailed() { grep_code "$1" src/launcher | grep -E "^src/launcher/($(echo $jailed_files | tr ' ' '|'))\.[ch]:" || :; }
check_jailed() {
	grep_jailed "$(a_call_of $privileged $credentials $mounts setns unshare clone clone3)"
	# PATHS_: of the host. Of the launcher's, what speaks, forks and closes.
	grep_jailed "$(a_word_of 'PATHS_[A-Z]+' 'CLONE_[A-Z]+' 'PR_[A-Z_]+' 'SYS_[a-z0-9_]+')" |
		grep -vE "[^A-Za-z0-9_]($(echo $jailed_prctls | tr ' ' '|')|SYS_($(echo $jailed_calls | tr ' ' '|')))[^A-Za-z0-9_]" || :
	grep_jailed '(^|[^a-z_])(privilege|enter|keeper|inherited|supervise|watch)_[a-z_]+[[:space:]]*\(' |
		grep -vE 'supervise_(fork_with|close_but)[[:space:]]*\(' || :
}
plant_jailed() {
	plant_each src/launcher/execute.c '	if (%s(0)) return;' $privileged mount setns setgroups \
		privilege_take supervise_fork inherited_close
	first=$expected
	plant_each src/launcher/init.c '	x = %s;' PATHS_RUN CLONE_NEWPID PR_SET_DUMPABLE SYS_chroot
	expected=$((first + expected))
}

mounts='mount umount umount2 open_tree move_mount mount_setattr pivot_root fsopen fsconfig fsmount
	fspick mnt_context_mount mnt_context_umount'
mount_words='SYS_mount SYS_umount2 SYS_open_tree SYS_move_mount SYS_mount_setattr SYS_pivot_root
	SYS_fsopen SYS_fsmount'
check_mounts() {
	{
		grep_code "$(a_call_of $mounts)" src
		grep_code "$(a_word_of $mount_words)" src
	} | except_in $mount_rooms | except_at $mount_functions
}
plant_mounts() {
	plant_each src/launcher/enter.c '	if (%s(0)) return;' $mounts
	first=$expected
	plant_each src/keeper/build/build.c '	syscall(%s, 0);' $mount_words
	expected=$((first + expected))
}

check_namespaces() {
	grep_code "$(a_call_of setns unshare clone clone3)|SYS_(setns|unshare|clone3?)" src |
		except_in $namespace_rooms | except_at $namespace_functions
}
plant_namespaces() {
	plant src/keeper/policy/config.c '	unshare(CLONE_NEWNS);'
	plant src/launcher/privilege.c 'static void other(void)' '{' '	setns(3, 0);' '}'
	expected=2
}

deletes='unlink unlinkat rmdir rename renameat renameat2 remove truncate ftruncate'
check_deletes() {
	grep_code "$(a_call_of $deletes)" src | except_in $delete_rooms
	for room in $delete_rooms; do
		[ ! -e "$view/code/$room" ] || grep_in "$view/code" 'PATHS_(DATA|IMAGES)' "$room"
	done
}
plant_deletes() {
	plant src/keeper/policy/filter.c '	unlinkat(fd, name, 0);'
	plant src/keeper/build/hub.c '	path = PATHS_DATA;'
	expected=2
}

check_recursion() { in_functions recursion; }
plant_recursion() {
	plant src/keeper/build/build.c 'static void walk(int fd)' '{' '	walk(fd + 1);' '}'
}

check_walks() {
	grep_code "$(a_call_of nftw ftw fts_open fts_read glob wordexp posix_spawn)" src
	grep_in "$view/words" '"[^"]*rm -[a-z]*r' $(named 'c h' src)
}
plant_walks() {
	plant src/keeper/build/build.c '	nftw(path, f, 8, FTW_PHYS);' '	run("rm -rf /x");'
	expected=2
}

dying='exit _exit _Exit quick_exit abort err errx verr verrx report_die report_exit report_refuse'
check_dying() {
	# Where it stands in the first column it is being declared.
	grep_code "$(a_call_of $dying)" src | grep -E '^[^:]*:[0-9]*:[[:space:]]' |
		except_in $dying_rooms | except_at $dying_functions
}
plant_dying() { plant_each src/common/name.c '	%s(1);' $dying; }

speaking='printf vprintf puts putchar perror warn warnx psignal putc'
check_speaking() {
	{
		grep_code "$(a_call_of $speaking)" src
		grep_code '(f(printf|puts|write|putc|putchar)[[:space:]]*\(.*|[^A-Za-z_])std(out|err)' src
		grep_code '(write|dprintf|writev|send)[[:space:]]*\(([12],|reporter->)' src
	} | except_in $speaking_rooms | sort -u
}
plant_speaking() {
	plant_each src/keeper/policy/config.c '	%s("x");' $speaking
	plant src/keeper/build/tree.c '	fprintf(stderr, "x");' '	write(2, x, 1);'
	plant src/launcher/init.c '	write(reporter->fd, x, 1);'
	expected=$((expected + 3))
}

check_cloexec() { in_functions cloexec | except_at $inherited_fds; }
plant_cloexec() {
	plant src/keeper/build/tree.c 'static int leak(void)' '{' '	int a = open("/", O_RDONLY),' \
		'	    b = socket(AF_UNIX,' '		       SOCK_DGRAM, 0);' \
		'	return a + b + openat(b, "CLOEXEC", 0) + dup(a) + fcntl(a, F_DUPFD, 3);' '}'
	expected=5
}

check_includes() {
	(cd "$view/words" && awk -v wanted='^(src|include|tests)/' -f "$here/includes.awk" \
		$(named 'c h' src include tests)) | sort
}
plant_includes() {
	sed -i '/^#include <fcntl.h>$/d' src/keeper/policy/jail.c src/keeper/build/pin.c
	plant tests/unit/test_state.c 'static DIR *cursor;' 'static int (*tell)(const char *, ...) = printf;'
	sed -i '/^#include <\(dirent\|stdio\).h>$/d' tests/unit/test_state.c
	expected=4
}

check_extern() { grep_code '^[[:space:]]*extern[[:space:]]' src include; }
plant_extern() { plant include/trampoline/name.h 'extern int verbosity;'; }

# A constant that older headers lack may be given: #ifndef X, #define X, #endif.
check_features() {
	for file in $(named 'c h' src include); do
		awk -v file="$file" '
			/^#[ \t]*ifndef / { wanted = $2; line = FNR; next }
			wanted && FNR == line + 1 && $1 == "#define" && $2 == wanted { given = FNR; next }
			wanted && FNR == given + 1 && /^#endif$/ { wanted = ""; next }
			/^[ \t]*#[ \t]*(if|elif|else|endif)/ { printf "%s:%d: %s\n", file, FNR, $0 }
			' "$view/code/$file"
	done
	grep_code '_GNU_SOURCE' src include
}
plant_features() {
	plant src/common/name.c '#ifdef HAVE_THIS' '#define _GNU_SOURCE'
	plant src/launcher/main.c '#ifndef OTHER' 'int x;' '#endif'
	expected=3
}

check_goto() {
	grep_code "$(a_word_of goto)|typedef[[:space:]]+struct" src include
	grep_code '^[[:space:]]*if[[:space:]]*\([^=;]* = ' src
}
plant_goto() {
	plant src/keeper/build/build.c '	goto out;' 'typedef struct x y;' '	if ((fd = open(x)) < 0)'
	expected=3
}

check_own_header() {
	for file in $(named c src); do
		base=${file##*/}
		base=${base%.c}
		if [ -e "${file%.c}.h" ]; then
			own="\"$base.h\""
		elif [ -e "include/trampoline/$base.h" ] && [ "${file%/*}" = src/common ]; then
			own="\"trampoline/$base.h\""
		else
			continue
		fi
		first=$(grep -m 1 '^#include' "$file" || :)
		[ "$first" = "#include $own" ] || echo "$file: first comes $first, not $own"
	done
}
plant_own_header() { sed -i '0,/^#include/s//#include <errno.h>\n&/' src/common/name.c; }

check_pragma() {
	for file in $(named 'h h.in' src include); do
		grep -q '^#pragma once$' "$file" || echo "$file"
	done
}
plant_pragma() { sed -i '/^#pragma once$/d' src/keeper/report.h; }

check_spdx() {
	for file in $(named 'c h h.in' src include tests); do
		case $(head -n 1 "$file") in
		'/* SPDX-License-Identifier: MIT */') ;;
		*) echo "$file" ;;
		esac
	done
}
plant_spdx() { sed -i 1d src/common/name.c; }

check_arrows() {
	for file in $(named 'c h' src include); do
		sed -n 's/^#include "\(.*\)"$/\1/p' "$file" | while IFS= read -r wanted; do
			case $file,$wanted in
			*,trampoline/paths.h) ;; # made from paths.h.in
			*,trampoline/*) [ -e "include/$wanted" ] || echo "$file: $wanted" ;;
			# The keeper's wings call down, never across.
			src/keeper/policy/*,build/* | src/keeper/policy/*,admin/* | src/keeper/build/*,admin/*)
				echo "$file: $wanted"
				;;
			src/keeper/*) [ -e "${file%/*}/$wanted" ] || [ -e "src/keeper/$wanted" ] || echo "$file: $wanted" ;;
			include/*,* | src/common/*,* | *,*/*) echo "$file: $wanted" ;;
			*) [ -e "${file%/*}/$wanted" ] || echo "$file: $wanted" ;;
			esac
		done
	done
	for file in $(named 'c h' src/launcher | grep -E "/($(echo $jailed_files | tr ' ' '|'))\.[ch]$"); do
		sed -n 's/^#include "\(.*\)"$/\1/p' "$file" | while IFS= read -r wanted; do
			case " $jailed_headers ",$wanted in
			*,trampoline/* | *" $wanted "*) ;;
			*) echo "$file: $wanted" ;;
			esac
		done
	done
}
plant_arrows() {
	plant src/common/name.c '#include "report.h"'
	plant src/launcher/enter.c '#include "../keeper/tree.h"' '#include "tree.h"'
	plant src/launcher/execute.c '#include "privilege.h"'
	plant src/keeper/policy/key.c '#include "build/tree.h"'
	plant src/keeper/build/tree.c '#include "admin/list.h"' '#include "path.h"'
	expected=7
}

check_prefix() {
	for file in $(named h src include); do
		base=${file##*/}
		base=${base%.h}
		awk -v file="$file" -v prefix="$base" '
			/^[A-Za-z_].*[A-Za-z0-9_]\(/ && !/^(#|_Static_assert|__attribute__)/ {
				name = $0
				sub(/\(.*/, "", name)
				sub(/.*[^A-Za-z0-9_]/, "", name)
				if (index(name, prefix "_") != 1 && name != prefix)
					printf "%s:%d: %s\n", file, FNR, name
			}' "$view/code/$file"
	done
}
plant_prefix() { plant src/launcher/enter.h 'int do_it(void);'; }

check_file_length() {
	for file in $(named 'c h' src include); do
		lines=$(wc -l <"$file")
		[ "$lines" -le 300 ] || echo "$file: $lines lines"
	done
}
plant_file_length() { seq -f '/* %g */' 300 >>src/common/name.c; }

check_width() {
	for file in $(named 'c h' src include tests); do
		expand "$file" | awk -v file="$file" 'length($0) > 100 {
			printf "%s:%d: %d columns\n", file, FNR, length($0)
		}'
	done
}
plant_width() { plant src/common/name.c "$(printf '/*\t%093d */' 0)"; }

check_function_length() { in_functions length -v max=60; }
plant_function_length() {
	plant src/keeper/build/build.c 'static void endless(void)' '{'
	seq -f '	step(%g);' 59 >>src/keeper/build/build.c
	plant src/keeper/build/build.c '}'
}

# Plain lines, as wc counts them: what a reader has to turn over.
lines_of() {
	for file in $(named c "$@"); do
		cat "$file"
	done | wc -l
}
check_launcher_size() {
	lines=$(lines_of src/launcher src/common)
	if [ "$lines" -gt 2930 ]; then echo "src/launcher src/common: $lines lines"; fi
}
plant_launcher_size() { seq -f 'int x%g;' 2930 >>src/common/name.c; }

check_keeper_size() {
	lines=$(lines_of src/keeper)
	rooms=$(named c src/keeper | wc -l)
	[ "$lines" -le 5080 ] || echo "src/keeper: $lines lines"
	[ "$rooms" -le 25 ] || echo "src/keeper: $rooms rooms"
}
plant_keeper_size() {
	seq -f 'int x%g;' 5080 >>src/keeper/report.c
	for room in one two three; do echo >"src/keeper/$room.c"; done
	expected=2
}

check_messages() {
	grep_in "$view/words" '"[^"]*([Ff]ailed to|[Uu]nable to|[Cc]ould not|[Ee]rror:|Invalid)' \
		$(named 'c h' src)
}
plant_messages() { plant src/keeper/build/build.c '	report("failed to open");'; }

check_marks() {
	grep_in . 'T[O]DO|F[I]XME|(^|[^X])X[X]X([^X]|$)|H[A]CK' $(cat "$view/files")
}
plant_marks() { plant README.md "$(printf 'TO%s: later' DO)"; }

check_organisation() {
	grep_in . '([Ii]ssue|DESIGN|style\.md|attacks\.md)[ ][0-9#]+|D[E]SIGN\.md|an[c]hors/|B[R]IEF' \
		$(cat "$view/files")
}
plant_organisation() { plant README.md "$(printf 'see DE%s.md, iss%s 4' SIGN ue)"; }

# The hosts that a reader of this tree may be sent to.
hosts='kernel\.org|man7\.org|debian\.org|rfc-editor\.org|openssf\.org|spdx\.org|github\.com|mandoc\.bsd\.lv'
hosts="$hosts|example\.(org|com)|cve\.org|nvd\.nist\.gov|httpd\.apache\.org|musl\.libc\.org|w3\.org"
check_machine() {
	grep_in . '(^|[^A-Za-z0-9_.])/(wor[k]|roo[t]|worktre[e])/[a-z]' $(cat "$view/files")
	grep_in . 'https?://[A-Za-z0-9.-]+' $(cat "$view/files") |
		grep -vE "https?://([a-z0-9-]+\.)*($hosts)([/:\")> ]|\$)" || :
}
plant_machine() {
	plant README.md "$(printf '/wo%s/main/x' rk)" "$(printf 'http%s://mirror.internal/debian' '')"
	expected=2
}

check_spaces() {
	grep_in . "[[:space:]]+\$" $(grep -vE '\.(png|gz|xz)$|^tests/fuzz/corpus/' "$view/files")
	grep -vE '\.(png|gz|xz)$|^tests/fuzz/corpus/' "$view/files" | while IFS= read -r file; do
		[ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
	done
}
plant_spaces() {
	plant README.md 'space '
	printf 'no newline' >>src/common/name.c
	expected=2
}

# Whatever is run by a shell, whichever name it has.
shell_scripts() {
	while IFS= read -r file; do
		case $file in
		*.awk | *.[ch] | *.md) continue ;;
		esac
		first=
		IFS= read -r first <"$file" || :
		case $first in
		'#!/bin/sh'* | '#!/usr/bin/env bash'* | '#!/usr/bin/env sh'* | '#!/bin/bash'*) echo "$file" ;;
		esac
	done <"$view/files"
}

sets_eu='^set -[a-zA-Z]*(e[a-zA-Z]*u|u[a-zA-Z]*e)'
check_shell_safe() {
	for file in $(shell_scripts); do
		# A test starts by reading its lib, which sets it, or reads the system tests' one.
		grep -qE "$sets_eu|^\. .*/lib\.(sh|bash)\"?\$" "$file" || echo "$file: no set -eu"
	done
	for file in $(named 'sh bash' tests | grep -E '/lib\.(sh|bash)$'); do
		grep -qE "$sets_eu|^\. .*/system/lib\.sh\"\$" "$file" || echo "$file: no set -eu"
	done
	grep -qE "$sets_eu" tests/system/lib.sh || echo 'tests/system/lib.sh: no set -eu'
}
plant_shell_safe() {
	plant tests/new.sh '#!/bin/sh' 'true'
	plant tests/lint/lib.sh 'true'
	sed -i '/^set -/d' tests/system/lib.sh
	expected=3
}

check_shell_delete() {
	grep_in . '(^|[^A-Za-z0-9_-])rm (-[a-z-]+ )*(-[a-zA-Z]*[rR]|--recursive)' \
		$(shell_scripts; named sh tests jail-image) |
		grep -vE -e '--one-file-system|"[^"]*rm -|[^:]*:[0-9]*:[[:space:]]*#|plant ' | sort -u || :
}
plant_shell_delete() { plant tests/new.sh '#!/bin/sh' 'set -eu' 'rm -rf here'; }

# name_options FILE PATTERN: each --option that the pattern's lines name, sorted.
long_options() { grep -oE -e '--[a-z][a-z-]+' | sed 's/-*$//' | sort -u; }

options_of_table() {
	sed -n "s/^[[:space:]]*{['0][^\"]*\"\(--[a-z-]*\)\", [A-Z]*, .*/\1/p" src/common/arguments.c |
		sort -u
}

options_of_page() {
	# `Fl -name` is how mdoc writes --name; a backslash may stand before each hyphen.
	sed -n 's/\\-/-/g;/^\.It .*Fl/p' man/trampoline.8 | grep -oE 'Fl -[a-z][a-z-]*' |
		sed 's/^Fl -/--/' | sort -u
}

options_named_by_page() {
	sed -n 's/\\-/-/g;/^\.[A-Z][a-z].*Fl/p' man/trampoline.8 | grep -oE 'Fl -[a-z][a-z-]*' |
		sed 's/^Fl -/--/' | sort -u
}

compare_sets() {
	comm -23 "$view/$1" "$view/$2" | sed "s|^|$3: |"
}

# The names of limits, which --help has not all.
limits_of_table() { sed -n 's/^[[:space:]]*{"\([a-z_]*\)", [A-Z_]*, QUANTITY_[A-Z]*},$/\1/p' "$view/words/src/common/limit.c" | sort; }
limits_of_page() {
	sed -n '/^\.It Fl l /,/^and$/s/^\.Cm \([a-z_]*\).*/\1/p' man/trampoline.8 | sort -u
}
limits_of_completion() {
	completion_of trampoline | sed -n "s/.*local limits='\(.*\)'$/\1/p" | tr ' ' '\n' | sed 's/=$//' | sort
}

# completion_of PROGRAM: the function that completes it.
completion_of() {
	sed -n "/^_$(echo "$1" | tr - _)()$/,/^}$/p" man/completion/trampoline.bash.in
}

# The tools: what tool_code lists has a pattern of a `case' for each option, and --help is usage().
tool_code() {
	echo "jail-image/$1.in"
	# shellcheck disable=SC2016 # it is the tool's
	sed -n 's|^\. "$share/\(.*\)"$|jail-image/\1|p' "jail-image/$1.in"
	[ "$1" != trampoline-image ] || grep '^jail-image/recipes/' "$view/files"
}
options_of_code() {
	grep -hE '^[[:space:]]*[^[:space:]"(]+( \| [^[:space:]"(]+)*\)' $(tool_code "$1") | sed 's/).*//' | long_options
}
usage_of() { sed -n '/^usage() {$/,/^}$/p' "jail-image/$1.in" | sed '1,2d; /^\tEND$/,$d; s/^\t*//'; }
help_of_keeper() { sed -n '/^static const char help\[\]/,/;$/s/^[^"]*"\(.*\)\\n".*/\1/p' "$view/words/src/keeper/main.c"; }

# A screen has 24 lines of 80 columns, and one is the prompt's.
larger_than_a_screen() {
	awk -v what="$1 --help" 'length($0) > 80 { print what ": " $0 } END { if (NR < 5 || NR > 23) print what ": " NR " lines" }'
}
synopsis_of() {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p; /^\.It Cm /p' "man/$1.8" | sed 's/\\-/-/g; s/ | -/ | Fl -/'
}

commands_of_code() { sed -n 's/^run "\([a-z ]*\)" "$@"$/\1/p' "jail-image/$1.in" | tr ' ' '\n' | sort; }
commands_of_help() { usage_of "$1" | sed -n "s/^.*$1 \([a-z][a-z]*\).*/\1/p" | sort -u; }
commands_of_page() { synopsis_of "$1" | sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm \([a-z]*\).*/\1/p' | sort -u; }
commands_of_completion() {
	completion_of "$1" | sed -n "0,/_trampoline_offer/s/.*_trampoline_offer '\([^']*\)'.*/\1/p" | tr ' ' '\n' |
		grep -v '^-' | sort
}

# compare_places WHAT FIRST PLACE...: the sets of these names, each place with the first.
compare_places() {
	what=$1 first=$2
	shift 2
	[ -s "$view/$first" ] || echo "$what: none found in the $first"
	for place; do
		compare_sets "$first" "$place" "$what: in the $first, not in the $place"
		compare_sets "$place" "$first" "$what: in the $place, not in the $first"
	done
}

check_options() {
	options_of_table >"$view/table"
	long_options <"$view/words/src/keeper/main.c" >"$view/help"
	options_of_page >"$view/page"
	options_named_by_page >"$view/page-named"
	completion_of trampoline | long_options >"$view/completion"
	compare_places trampoline table help page completion
	compare_sets page-named table 'spoken of in the page, not in the table'
	limits_of_table >"$view/table"
	limits_of_page >"$view/page"
	limits_of_completion >"$view/completion"
	compare_places '--limit' table page completion
	help_of_keeper | larger_than_a_screen trampoline
	for tool in trampoline-image trampoline-user; do
		options_of_code "$tool" >"$view/code-of-it"
		usage_of "$tool" | long_options >"$view/help"
		synopsis_of "$tool" | grep -oE 'Fl -[a-z][a-z-]*' | sed 's/^Fl -/--/' | sort -u >"$view/page"
		completion_of "$tool" | long_options >"$view/completion"
		compare_places "$tool" code-of-it help page completion
		commands_of_code "$tool" >"$view/code-of-it"
		commands_of_help "$tool" >"$view/help"
		commands_of_page "$tool" >"$view/page"
		commands_of_completion "$tool" >"$view/completion"
		compare_places "$tool" code-of-it help page completion
		usage_of "$tool" | larger_than_a_screen "$tool"
	done
}
plant_options() {
	sed -i 's|"  -h, --help |"      --from-help \\n"\n\t       &|' src/keeper/main.c
	plant man/trampoline.8 '.Bl -tag' '.It Fl -from-page' '.El'
	sed -i "s/^\tlocal options='-C/& --from-completion/" man/completion/trampoline.bash.in
	sed -i '/^\t{.h., "--help", /{ h; s/.h., "--help"/0, "--from-table"/; p; g; }' src/common/arguments.c
	sed -i "s/local limits='cpu=/& patience=/; s/'build audit/'build fromcompletion audit/" man/completion/trampoline.bash.in
	sed -i 's/^\.Op Fl -yes$/&\n.Op Fl -from-page/' man/trampoline-user.8
	sed -i "s/^\tcheck   Say/&$(printf '%060d' 1)/" jail-image/trampoline-user.in
	sed -i 's/^\t*--uid) .*/&\n\t--from-code) ;;/' jail-image/trampoline-user.in
	sed -i 's/^run "build audit/run "build fromcode audit/' jail-image/trampoline-image.in
	expected=18
}

check_statuses() {
	grep -oE '\b12[4-8]\b' "$view/words/src/keeper/main.c" | sort -u | while read -r status; do
		grep -qE "^\.It (Li )?$status" man/trampoline.8 || echo "man/trampoline.8: no .It $status"
	done
}
plant_statuses() { sed -i 's/^\.It \(Li \)\{0,1\}126/.It 226/' man/trampoline.8; }

# SIGCHLD is among the watcher's for itself.
check_signals() {
	tr -d '\n' <"$view/code/src/launcher/supervise.h" |
		sed -n 's/.*SUPERVISE_SIGNALS[^{]*{\([^}]*\)}.*/\1/p' |
		grep -oE 'SIG[A-Z0-9]+' | grep -vx SIGCHLD | sort >"$view/passed"
	sed -n '/^It passes on /,/;$/p' man/trampoline.8 | grep -oE 'SIG[A-Z0-9]+' | sort >"$view/page"
	[ -s "$view/passed" ] || echo "src/launcher/supervise.h: no list of signals found"
	compare_sets passed page 'passed on, not in trampoline(8)'
	compare_sets page passed 'in trampoline(8), not passed on'
}
plant_signals() {
	sed -i 's/SIGUSR2,/SIGWINCH,/' src/launcher/supervise.h
	expected=2
}

# Each place's keys with the defaults it gives: SECTION KEY = VALUE.
keys_of_keeper() {
	sed -n 's/^[[:space:]]*{"\([a-z_]*\)", "\([a-z_]*\)", "\([^"]*\)".*/[\1] \2 = \3/p' \
		"$view"/words/src/keeper/policy/*.c | sort
}

keys_of_page() {
	awk '/^\.Ss \[/ { section = $2 }
		/^\.It Li "[a-z_]+ = / { sub(/^\.It Li "/, ""); sub(/"$/, ""); print section " " $0 }' \
		man/trampoline.conf.5 | sort
}

# A key that is not set stands there as #KEY = VALUE, without a space: prose has one.
keys_of_file() {
	awk '/^\[/ { section = $1 }
		/^#?[a-z_]+ =( |$)/ { sub(/^#/, ""); sub(/ =$/, " = "); print section " " $0 }' jail-image/trampoline.conf | sort
}

check_keys() {
	keys_of_keeper >"$view/keeper"
	keys_of_page >"$view/page"
	keys_of_file >"$view/file"
	[ -s "$view/keeper" ] || echo "src/keeper: no table of keys found"
	for place in page file; do
		compare_sets keeper $place "in the keeper, not in the $place"
		compare_sets $place keeper "in the $place, not in the keeper"
	done
}
plant_keys() {
	plant man/trampoline.conf.5 '.Ss [limits]' '.It Li "patience = 3s"'
	plant jail-image/trampoline.conf '#patience = 4s'
	sed -i 's/^\(.*\){"limits", "cpu"/\t{"limits", "haste", "1", read_limit},\n&/' src/keeper/policy/key.c
	expected=4
}

check_targets() {
	sed -n '2,/^$/s/^# *//p' Makefile | grep -oE '(^|   )make [a-z0-9-]+' | sed 's/.*make //' |
		while read -r target; do
			grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" Makefile ||
				echo "Makefile: no target $target"
		done
}
plant_targets() { sed -i '0,/^#   make install/s//#   make nonsense\n&/' Makefile; }

check_version() {
	version=$(sed -n 's/^VERSION := //p' Makefile)
	head -n 1 debian/changelog | grep -qE "^trampoline \\($version(-[0-9a-z.+~]+)?\\) " ||
		echo "debian/changelog: it does not begin with version $version"
}
plant_version() { sed -i '1s/(/(9/' debian/changelog; }

# --- running ---------------------------------------------------------------------------------------

check_all() {
	count=0 status=0
	for name in $(printf '%s' "$rules" | sed -n 's/|.*//p'); do
		[ -z "$*" ] || case " $* " in *" $name "*) ;; *) continue ;; esac
		count=$((count + 1))
		found=$("check_$name")
		sentence=$(printf '%s' "$rules" | sed -n "s/^$name|//p")
		if [ -z "$found" ]; then
			echo "ok $count - $sentence"
			continue
		fi
		status=1
		echo "not ok $count - $sentence"
		printf '%s\n' "$found" | head -n 40 | cut -c 1-160 | sed "s/^/#   /"
	done
	[ -n "$*" ] || for room in launcher common keeper; do
		echo "# src/$room: $(lines_of "src/$room") lines"
	done
	echo "1..$count"
	return $status
}

# Every rule in turn: what it finds after planting and had not found before.
self_test() {
	clean=$view/clean copy=$view/copy
	mkdir "$clean" "$view/before"
	tar -c -f - -T "$view/files" | tar -x -f - -C "$clean"
	cp -R "$clean" "$copy"
	cd "$copy"
	refresh_view
	names=$(printf '%s' "$rules" | sed -n 's/|.*//p')
	for name in $names; do
		"check_$name" >"$view/before/$name"
	done
	count=0 status=0
	for name in $names; do
		count=$((count + 1))
		expected=1
		"plant_$name"
		list_files >"$view/files"
		changed=$(cd "$copy" && changed_files)
		[ -z "$(c_files $changed)" ] || strip $(c_files $changed)
		"check_$name" >"$view/after"
		found=$(awk 'NR == FNR { old[$0] = 1; next } !($0 in old)' \
			"$view/before/$name" "$view/after" | grep -c . || :)
		[ -s "$view/before/$name" ] || found=$(wc -l <"$view/after")
		if [ "$found" -ge "$expected" ]; then
			echo "ok $count - rule $name finds what it is for ($found)"
		else
			status=1
			echo "not ok $count - rule $name finds what it is for ($found of $expected)"
			sed 's/^/#   /' "$view/after"
		fi
		restore $changed
	done
	echo "1..$count"
	return $status
}

# What has been planted in the copy: the files that the clean one has not, or has otherwise.
changed_files() {
	diff -rqN "$clean" "$copy" | sed -n "s|^Files .* and $copy/\\(.*\\) differ\$|\\1|p"
}

c_files() {
	[ $# -eq 0 ] || printf '%s\n' "$@" | grep -E '^(src|include|tests)/.*\.[ch]$' || :
}

# restore FILE...: makes them what the clean copy has, and the view with them.
restore() {
	for file; do
		rm -f "$file" "$view/code/$file" "$view/words/$file"
		if [ -e "$clean/$file" ]; then
			cp -p "$clean/$file" "$file"
			[ -z "$(c_files "$file")" ] || strip "$file"
		fi
	done
	list_files >"$view/files"
}

cd "$root"
# In the scratch copy, which is not under version control, git must not find what is around it.
GIT_CEILING_DIRECTORIES=$(dirname "${TMPDIR:-/tmp}/x")
export GIT_CEILING_DIRECTORIES
case ${1-} in
--self-test)
	make_view
	self_test
	;;
--files)
	list_files
	;;
*)
	make_view
	check_all "$@"
	;;
esac
