# SPDX-License-Identifier: MIT
# Reads C files that strip.awk has stripped, and prints which of them use what a system header declares
# without including that header, directly or through headers of this project.
#
# System headers include each other, and each libc and each release does so differently: Debian 12's
# <libmount.h> brings <fcntl.h>, Debian 13's does not.
# -v wanted=PATTERN: the files to judge; the other FILEs are read for what they include.

# declares(HEADERS, NAMES, FUNCTIONS): each word of NAMES, where it stands alone, and each of FUNCTIONS,
# where it is called, needs one of HEADERS (a|b). A word that ends with * is the beginning of a name.
function declares(headers, names, functions,    count, word, i) {
	count = split(names, word)
	for (i = 1; i <= count; i++)
		if (word[i] ~ /\*$/)
			beginning[substr(word[i], 1, length(word[i]) - 1)] = headers
		else
			header_of_name[word[i]] = headers
	count = split(functions, word)
	for (i = 1; i <= count; i++)
		header_of_call[word[i]] = headers
}

BEGIN {
	declares("ctype.h", "", "isalpha isdigit isalnum isprint isspace isupper tolower toupper")
	declares("dirent.h", "DIR dirent", "opendir fdopendir readdir closedir rewinddir dirfd")
	declares("errno.h", "errno program_invocation_short_name E2BIG EACCES EAFNOSUPPORT EAGAIN EBADF EBUSY \
		ECHILD EDOM EEXIST EFAULT EFBIG EHOSTDOWN EINTR EINVAL EIO EISDIR ELIBBAD ELOOP EMFILE EMLINK \
		ENAMETOOLONG ENFILE ENODATA ENODEV ENOENT ENOEXEC ENOMEM ENOSPC ENOSYS ENOTBLK ENOTCONN ENOTDIR \
		ENOTEMPTY ENOTSUP ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO ERANGE EREMOTE EROFS ESRCH \
		ESTALE ESTRPIPE ETIME ETIMEDOUT ETXTBSY EWOULDBLOCK EXDEV")
	declares("fcntl.h", "O_* AT_FDCWD AT_EMPTY_PATH AT_SYMLINK_NOFOLLOW AT_SYMLINK_FOLLOW AT_REMOVEDIR \
		AT_NO_AUTOMOUNT AT_STATX_DONT_SYNC AT_STATX_FORCE_SYNC AT_EACCESS F_GETFD F_SETFD F_GETFL F_SETFL \
		F_DUPFD F_DUPFD_CLOEXEC FD_CLOEXEC SPLICE_F_*", "open openat creat fcntl splice tee")
	declares("sys/mount.h|linux/mount.h", "AT_RECURSIVE")
	declares("grp.h", "", "getgrnam getgrgid setgroups getgrouplist initgroups")
	declares("limits.h", "PATH_MAX NAME_MAX INT_MAX INT_MIN UINT_MAX LONG_MAX ULONG_MAX CHAR_BIT")
	declares("linux/capability.h|sys/capability.h", "CAP_*")
	declares("linux/magic.h", "NSFS_MAGIC TMPFS_MAGIC PIPEFS_MAGIC PROC_SUPER_MAGIC")
	declares("linux/nsfs.h", "NS_GET_*")
	declares("linux/openat2.h", "open_how RESOLVE_*")
	declares("net/if.h|linux/if.h", "ifreq IFF_*")
	declares("poll.h", "pollfd POLLIN POLLOUT POLLHUP POLLERR", "poll ppoll")
	declares("pwd.h", "passwd", "getpwnam getpwuid")
	declares("sched.h", "CLONE_* cpu_set_t CPU_SET CPU_ZERO", "setns unshare sched_setaffinity sched_setscheduler")
	declares("signal.h", "sigset_t siginfo_t SIG_* SA_*", "kill raise signal sigaction sigprocmask \
		sigemptyset sigaddset sigfillset sigismember sigpending sigsuspend killpg")
	declares("stdarg.h", "va_list", "va_start va_end")
	declares("stdbool.h", "bool true false")
	declares("stdint.h|linux/fuse.h", "uint8_t uint16_t uint32_t uint64_t int64_t int32_t uintmax_t intmax_t uintptr_t \
		INT32_MAX INT64_MAX UINT32_MAX UINT64_MAX", "UINT64_C INT64_C")
	declares("stdio.h", "FILE stdin stdout stderr", "printf fprintf snprintf vsnprintf dprintf fputs puts \
		fopen fdopen fclose fgets fgetc fflush ferror feof fmemopen open_memstream getline sscanf fread \
		fwrite rename renameat perror")
	declares("stdlib.h", "EXIT_SUCCESS EXIT_FAILURE", "malloc calloc realloc reallocarray free exit abort \
		qsort strtol strtoul strtoll strtoull getenv setenv unsetenv mkdtemp mkstemp")
	declares("string.h", "", "memcpy memmove memset memcmp memchr memmem strlen strcmp strncmp strchr \
		strrchr strstr strspn strcspn stpcpy strerror strsep strdup strndup strsignal")
	declares("sys/auxv.h", "AT_SECURE", "getauxval")
	declares("sys/file.h", "LOCK_EX LOCK_SH LOCK_NB LOCK_UN", "flock")
	declares("sys/ioctl.h", "TIOC*", "ioctl")
	declares("sys/mman.h", "PROT_* MAP_* MFD_*", "mmap munmap mprotect memfd_create")
	declares("sys/mount.h", "MS_* MOUNT_ATTR_* mount_attr FSCONFIG_* OPEN_TREE_* MOVE_MOUNT_* MNT_DETACH \
		MNT_EXPIRE UMOUNT_NOFOLLOW", "mount umount umount2 open_tree move_mount mount_setattr fsopen \
		fsconfig fsmount")
	declares("sys/personality.h", "PER_LINUX ADDR_NO_RANDOMIZE", "personality")
	declares("sys/prctl.h", "PR_*", "prctl")
	declares("sys/ptrace.h", "PTRACE_*", "ptrace")
	declares("sys/resource.h", "RLIMIT_* RLIM_* rlimit rlim_t rusage", "getrlimit setrlimit prlimit \
		getpriority setpriority getrusage")
	declares("sys/signalfd.h", "signalfd_siginfo SFD_*", "signalfd")
	declares("sys/socket.h", "AF_* SOCK_* MSG_* SOL_SOCKET msghdr", "socket socketpair send sendto sendmsg \
		recv recvfrom recvmsg bind connect listen accept4 shutdown setsockopt getsockopt")
	declares("sys/stat.h", "S_IF* S_IS* S_IR* S_IW* S_IX* STATX_*", "stat lstat fstat fstatat statx mkdir \
		mkdirat mknod mknodat chmod fchmod fchmodat umask")
	declares("sys/statvfs.h", "ST_NOSUID ST_RDONLY ST_NODEV", "statvfs fstatvfs")
	declares("sys/syscall.h", "SYS_*")
	declares("sys/sysmacros.h", "", "makedev major minor")
	declares("sys/time.h", "itimerval ITIMER_*", "setitimer getitimer gettimeofday")
	declares("sys/un.h", "sockaddr_un")
	declares("sys/utsname.h", "utsname", "uname")
	declares("sys/vfs.h|sys/statfs.h", "", "statfs fstatfs")
	declares("sys/wait.h", "WNOHANG WUNTRACED WEXITED WNOWAIT", "waitpid waitid wait4 WIFEXITED WIFSIGNALED \
		WIFSTOPPED WEXITSTATUS WTERMSIG WSTOPSIG")
	declares("syslog.h", "LOG_ERR LOG_WARNING LOG_NOTICE LOG_INFO LOG_DEBUG LOG_AUTHPRIV LOG_DAEMON LOG_PID", "syslog openlog closelog")
	declares("termios.h", "", "tcgetattr tcsetattr cfmakeraw")
	declares("time.h", "CLOCK_*", "clock_gettime nanosleep time strftime localtime_r gmtime_r")
	declares("unistd.h", "environ STDIN_FILENO STDOUT_FILENO STDERR_FILENO F_OK X_OK R_OK W_OK", "read write \
		pread pwrite close lseek dup dup2 dup3 pipe pipe2 fork vfork execve execv execvp fexecve _exit \
		alarm pause sleep usleep access faccessat chdir fchdir chroot getcwd chown fchown fchownat lchown \
		link linkat symlink symlinkat unlink unlinkat readlink readlinkat rmdir truncate ftruncate fsync \
		getpid getppid getuid geteuid getgid getegid getpgrp getpgid getsid setsid setpgid setuid setgid \
		setresuid setresgid getresuid getresgid getgroups isatty tcgetpgrp tcsetpgrp syscall sysconf \
		gethostname sethostname")
}

function header_of(name, is_call,    at) {
	if (is_call && name in header_of_call)
		return header_of_call[name]
	if (name in header_of_name)
		return header_of_name[name]
	if (name ~ /^SIG[A-Z]+[12]?$/)
		return "signal.h"
	for (at = 2; at < length(name); at++)
		if (substr(name, 1, at) in beginning)
			return beginning[substr(name, 1, at)]
	return ""
}

# The first use of each header's names in this file. A constant that the file defines itself is its own.
function read_line(line,    rest, name, before, after, headers) {
	gsub(/"[^"]*"/, "\"\"", line)
	rest = line
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*/)) {
		name = substr(rest, RSTART, RLENGTH)
		before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : " "
		after = substr(rest, RSTART + RLENGTH)
		rest = after
		# A member of a structure (a.b, a->b) is no name of a system header.
		if (before == "." || before == ">")
			continue
		if ((FILENAME, name) in defined)
			continue
		headers = header_of(name, after ~ /^[ \t]*\(/)
		if (headers != "" && !((FILENAME, headers) in used)) {
			used[FILENAME, headers] = FNR
			sentence[FILENAME, headers] = name
			needs[FILENAME] = needs[FILENAME] " " headers
		}
	}
}

FNR == 1 { known[FILENAME] = 1 }

/^[ \t]*#[ \t]*include[ \t]*</ {
	name = $0
	sub(/^[^<]*</, "", name)
	sub(/>.*/, "", name)
	system_headers[FILENAME] = system_headers[FILENAME] name " "
	next
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	name = $0
	sub(/^[^"]*"/, "", name)
	sub(/".*/, "", name)
	own_headers[FILENAME] = own_headers[FILENAME] name " "
	next
}

/^[ \t]*#[ \t]*(define|ifndef)[ \t]/ { defined[FILENAME, $2] = 1 }

{ read_line($0) }

# The file of ours that "NAME" in FILE means.
function resolve(file, name,    directory) {
	directory = file
	sub(/[^\/]*$/, "", directory)
	if ((directory name) in known)
		return directory name
	if (file ~ /^src\/keeper\// && ("src/keeper/" name) in known)
		return "src/keeper/" name
	if (("src/" name) in known)
		return "src/" name
	return "include/" name
}

# All system headers that FILE includes, directly or through ours.
function reached(file,    queue, first, last, seen, count, name, i, result) {
	queue[1] = file
	seen[file] = 1
	last = 1
	result = " "
	for (first = 1; first <= last; first++) {
		result = result system_headers[queue[first]]
		count = split(own_headers[queue[first]], name)
		for (i = 1; i <= count; i++) {
			name[i] = resolve(queue[first], name[i])
			if (!(name[i] in seen)) {
				seen[name[i]] = 1
				queue[++last] = name[i]
			}
		}
	}
	return result
}

END {
	for (file in known) {
		if (file !~ wanted)
			continue
		have = reached(file)
		count = split(needs[file], need)
		for (i = 1; i <= count; i++) {
			choices = split(need[i], choice, "|")
			found = 0
			for (j = 1; j <= choices; j++)
				if (index(have, " " choice[j] " "))
					found = 1
			if (!found)
				printf "%s:%d: %s without <%s>\n", file, used[file, need[i]], \
					sentence[file, need[i]], need[i]
		}
	}
}
