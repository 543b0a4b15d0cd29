#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the built programs are, as readelf and objdump see them; TAP.
#   binary.sh LAUNCHER KEEPER OBJECTS [musl|glibc]   OBJECTS: the directory of the first one's
#   binary.sh --self-test                            bad programs: each check refuses one
# Compiler options are a wish; this is what the linker made of them.
set -eu
export LC_ALL=C

count=0 status=0

# verdict DESCRIPTION OFFENCE: no offence is good.
verdict() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
		return
	fi
	status=1
	echo "not ok $count - $1"
	printf '%s\n' "$2" | head -n 20 | cut -c 1-160 | sed 's/^/#   /'
}

header() { readelf -hW "$1"; }
segments() { readelf -lW "$1"; }
dynamic() { readelf -dW "$1"; }

# found TEXT PATTERN / missing TEXT PATTERN: the offence, if there is one.
found() { printf '%s\n' "$1" | grep -E -e "$2" || :; }
missing() { printf '%s\n' "$1" | grep -qE -e "$2" || echo "nothing matches: $2"; }

check_common() {
	what=$1 program=$2
	verdict "$what is a program" "$(readelf -hW "$program" 2>&1 >/dev/null)"
	verdict "$what is position-independent" \
		"$(missing "$(header "$program")" 'Type:.*DYN')"
	verdict "$what has its relocations made read-only" \
		"$(missing "$(segments "$program")" 'GNU_RELRO')"
	verdict "$what binds everything at the start" \
		"$(missing "$(dynamic "$program")" 'BIND_NOW|FLAGS_1.*NOW')"
	verdict "$what has no executable stack" \
		"$(missing "$(segments "$program")" 'GNU_STACK.* RW  ')"
	verdict "$what has nothing both writable and executable" \
		"$(found "$(segments "$program")" 'LOAD.* RWE ')"
	verdict "$what has no relocations in its code" \
		"$(found "$(dynamic "$program")" 'TEXTREL')"
	verdict "$what looks for libraries in no place of its own" \
		"$(found "$(dynamic "$program")" 'RPATH|RUNPATH')"
	verdict "$what has its stack protected" \
		"$(missing "$(readelf -sW "$program")" ' __stack_chk_fail')"
}

# Bytes that the kernel maps: debugging information does not count.
mapped_bytes() {
	segments "$1" | awk '
		function number(hex,    at, value) {
			value = 0
			for (at = 3; at <= length(hex); at++)
				value = value * 16 + index("0123456789abcdef", substr(hex, at, 1)) - 1
			return value
		}
		$1 == "LOAD" { sum += number($5) }
		END { print sum + 0 }'
}

heap_and_tables='malloc calloc realloc free strdup printf fprintf vfprintf snprintf vsnprintf fopen getpwnam getpwuid
	getgrnam getgrgid initgroups dlopen dlsym setlocale iconv_open getenv system popen execvp
	getaddrinfo syslog'

check_static() {
	what=$1 program=$2 libc=$3
	check_common "$what" "$program"
	verdict "$what asks for no dynamic loader" \
		"$(found "$(segments "$program")" 'INTERP')"
	verdict "$what needs no library" \
		"$(found "$(dynamic "$program")" '\(NEEDED\)')"
	[ "$libc" = musl ] || return 0 # glibc brings a heap, a locale and 700 KB whoever asks
	bytes=$(mapped_bytes "$program")
	verdict "$what maps less than 150,000 bytes" \
		"$([ "$bytes" -gt 0 ] && [ "$bytes" -lt 150000 ] || echo "$bytes")"
	symbols=$(readelf -sW "$program" | awk '$4 == "FUNC" { print $8 }')
	# shellcheck disable=SC2086 # a list of words
	verdict "$what has no formatted output, NSS, locale or loader linked in" \
		"$(missing "$symbols" '^main$'
		found "$symbols" "^($(echo $heap_and_tables | sed 's/^.*strdup //; s/ /|/g'))\$")"
}

check_launcher() { check_static 'the launcher' "$1" "$2"; }

# Our own objects, whatever a libc drags in by itself (musl's getcwd has its malloc).
check_objects() {
	objects=$1
	all=$(find "$objects" -name '*.o' | sort)
	verdict 'the objects of the launcher are there' "$([ -n "$all" ] || echo "none in $objects")"
	# Tables that hold pointers are in .data.rel.ro, which is read-only once the program runs.
	# Buffers that would make a frame of several pages: each is filled once, before it is read.
	buffers='^(main\.o: (.*\.)?(record|error)|execute\.o: (.*\.)?room|supervise\.o: (.*\.)?texts|relay\.o: (.*\.)?buffer)(\.[0-9]+)?$'
	verdict 'they keep no state between calls: no variable of static life but five buffers' \
		"$(for object in $all; do
			objdump -t "$object" | awk -v object="${object##*/}" '
				/ O / && / \.(data|bss)[.\t ]/ && !/ \.data\.rel\.ro/ { print object ": " $NF }'
		done | grep -vE "$buffers" || :)"
	# shellcheck disable=SC2086 # a list of words
	verdict 'they call no heap, formatted output, NSS, locale or loader' \
		"$(for object in $all; do
			nm -u "$object" | sed "s/^ *U /${object##*/}: /"
		done | grep -E ": ($(echo $heap_and_tables | tr ' ' '|'))\$" || :)"
}

check_keeper() {
	keeper=$1
	check_common 'the keeper' "$keeper"
	verdict 'the keeper is not set-user-ID' "$([ ! -u "$keeper" ] && [ ! -g "$keeper" ] || echo "$keeper")"
	verdict 'the keeper is compiled with fortified library calls' \
		"$(missing "$(readelf -W --dyn-syms "$keeper")" ' __[a-z]+_chk(@|$)')"
	verdict 'the keeper needs libmount, libcap, libseccomp and libc alone' \
		"$(found "$(dynamic "$keeper")" '\(NEEDED\)' |
			grep -vE '\[(libmount|libcap|libseccomp|libc|ld-linux[a-z0-9-]*)\.so\.[0-9]+\]' || :)"
}

self_test() {
	scratch=$(mktemp -d)
	trap 'rm -r --one-file-system "$scratch"' EXIT
	cat >"$scratch/bad.c" <<-'END'
		#include <math.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int state = 1;
		static int calls;
		const char ballast[200000] = "x";
		__asm__(".pushsection .both,\"awx\",@progbits\n.long 1\n.popsection");
		int main(int argc, char **argv)
		{
			char name[64];
			sprintf(name, "%p %s %d", malloc(argc), argv[0], chroot("/"));
			return printf("%s%d%d%f", name, state, calls++, cos(argc)) + ballast[argc];
		}
	END
	# A static program, so that the heap is linked in; and its opposite, that needs what it should not.
	bad="-O0 -w -U_FORTIFY_SOURCE -fno-stack-protector -Wl,-z,execstack,-z,norelro,-z,lazy"
	mkdir "$scratch/objects"
	# shellcheck disable=SC2086 # a list of options
	{
		${CC:-cc} $bad -c -o "$scratch/objects/bad.o" "$scratch/bad.c"
		${CC:-cc} $bad -no-pie -Wl,-rpath,/tmp -o "$scratch/dynamic" "$scratch/bad.c" -lm
		${CC:-cc} $bad -no-pie -static -o "$scratch/static" "$scratch/bad.c" -lm
		${CC:-cc} $bad -fno-pic -mcmodel=large -pie -Wl,-z,notext -o "$scratch/textrel" \
			"$scratch/bad.c" -lm
		chmod u+s "$scratch/dynamic"
	} 2>"$scratch/warnings" || { cat "$scratch/warnings"; return 1; }
	{
		for bad in dynamic static textrel objects/bad.c; do
			check_launcher "$scratch/$bad" musl
			check_keeper "$scratch/$bad"
		done
		mkdir "$scratch/empty"
		check_objects "$scratch/empty"
		check_objects "$scratch/objects"
	} >"$scratch/out" 2>"$scratch/warnings"
	sed -n 's/^[a-z ]*ok [0-9]* - //p' "$scratch/out" | sort -u >"$scratch/all"
	sed -n 's/^not ok [0-9]* - //p' "$scratch/out" | sort -u >"$scratch/refused"
	count=0 status=0
	while IFS= read -r description; do
		verdict "a bad program is refused: $description" \
			"$(grep -qxF -e "$description" "$scratch/refused" || echo 'none was')"
	done <"$scratch/all"
	verdict 'there is something to refuse' "$([ "$count" -ge 25 ] || echo "$count checks")"
}

if [ "${1-}" = --self-test ]; then
	self_test
else
	check_launcher "$1" "${4-musl}"
	check_objects "$3"
	check_keeper "$2"
fi
echo "1..$count"
exit $status
