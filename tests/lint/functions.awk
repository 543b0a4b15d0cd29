# SPDX-License-Identifier: MIT
# Walks a C file that strip.awk has stripped, and prints what its functions do wrong.
#   -v rule=length     functions longer than max lines, their braces included
#   -v rule=recursion  functions that call themselves
#   -v rule=cloexec    descriptors made without close-on-exec
#   -v rule=lines      FILE:LINE:FUNCTION of each line of the functions in -v wanted="FILE:FUNCTION ..."
# The house style makes it simple: a body's braces stand in the first column.

function name_of(line) {
	sub(/\(.*/, "", line)
	sub(/.*[^A-Za-z0-9_]/, "", line)
	return line
}

# The arguments of the call whose parenthesis opens at START, or all that is left.
function arguments_at(text, start,    depth, at, c) {
	depth = 0
	for (at = start; at <= length(text); at++) {
		c = substr(text, at, 1)
		if (c == "(")
			depth++
		else if (c == ")" && --depth == 0)
			break
	}
	return substr(text, start, at - start + 1)
}

function has_flag(text,    macro) {
	if (text ~ /CLOEXEC/)
		return 1
	for (macro in cloexec_macros)
		if (text ~ ("(^|[^A-Za-z0-9_])" macro "([^A-Za-z0-9_]|$)"))
			return 1
	return 0
}

function check_cloexec(body, first_line,    rest, offset, call, arguments, bad, before, line) {
	offset = 0
	rest = body
	while (match(rest, /[^A-Za-z0-9_](SYS_)?(open|openat|openat2|open_tree|creat|socket|socketpair|accept|accept4|pipe|pipe2|dup|memfd_create|epoll_create|epoll_create1|eventfd|signalfd|timerfd_create|inotify_init|inotify_init1|fsopen|fsmount|fspick|pidfd_open|F_DUPFD)[ \t\n]*[(,]/)) {
		call = substr(rest, RSTART + 1, RLENGTH - 2)
		sub(/[ \t\n]+$/, "", call)
		arguments = arguments_at(rest, RSTART + RLENGTH - 1)
		if (substr(rest, RSTART + RLENGTH - 1, 1) == ",")
			arguments = substr(arguments, 1, index(arguments ";", ";"))
		before = substr(body, 1, offset + RSTART)
		# openat2 has its flags in a structure, which the same function fills.
		bad = call ~ /openat2$/ ? !has_flag(body) : !has_flag(arguments)
		if (call ~ /^(creat|accept|pipe|dup|epoll_create|inotify_init|F_DUPFD)$/)
			bad = 1 # there is no flag to give
		if (call ~ /^(SYS_)?pidfd_open$/)
			bad = 0 # always close-on-exec: pidfd_open(2)
		if (bad) {
			line = first_line + gsub(/\n/, "", before)
			printf "%s:%d: %s in %s() without CLOEXEC\n", FILENAME, line, call, name
		}
		offset += RSTART + RLENGTH - 2
		rest = substr(rest, RSTART + RLENGTH - 1)
	}
}

/^#[ \t]*define[ \t].*CLOEXEC/ { cloexec_macros[$2] = 1 }

/^[A-Za-z_].*\(/ && !/;$/ { name = name_of($0) }

/^\{/ {
	inside = 1
	start = FNR
	body = ""
}

inside { body = body "\n" $0 }

/^\}/ && inside {
	inside = 0
	if (rule == "length" && FNR - start + 1 > max)
		printf "%s:%d: %s() has %d lines\n", FILENAME, start, name, FNR - start + 1
	if (rule == "recursion" && body ~ ("[^A-Za-z0-9_]" name "[ \t]*\\("))
		printf "%s:%d: %s() calls itself\n", FILENAME, start, name
	if (rule == "lines" && index(" " wanted " ", " " FILENAME ":" name " "))
		for (line = start; line <= FNR; line++)
			print FILENAME ":" line ":" name
	if (rule == "cloexec")
		check_cloexec(body, start - 1)
}
