#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completion as it is installed, in a real bash: what Tab makes of a line.
# shellcheck disable=SC2016 # the other bash expands it
. "$(dirname "$0")/lib.sh"

completions=$T_PREFIX/share/bash-completion/completions
image=$T_PREFIX/sbin/trampoline-image
course=$IMAGES/course-2026

cleanup() {
	rm -rf --one-file-system "$course"
}

# In place of the programs, whose words they show; each with the file that bash-completion would read for it.
rc_of() {
	cat <<-END
		unset HISTFILE
		$1() { printf '<%s>' "\$@" >"$T_WORK/typed"; }
		. "$completions/$1"
		cd "$T_WORK"
	END
}
for program in trampoline trampoline-image trampoline-user; do
	rc_of "$program" >"$T_WORK/$program.rc"
done

# tab LINE: the words that bash has after LINE, Tab and Return.
tab() {
	local program=trampoline
	[[ $1 != trampoline-* ]] || program=${1%% *}
	rm -f "$T_WORK/typed"
	printf '%s\t\nexit\n' "$1" | env INPUTRC=/dev/null TERM=dumb CALLERS_OWN=x \
		bash --noprofile --rcfile "$T_WORK/$program.rc" -i >"$OUT" 2>&1 || :
	cat "$T_WORK/typed" 2>/dev/null || echo "nothing was run: $(cat "$OUT")"
}

is "a jail" "$(tab 'trampoline al')" '<alice>'
is "and what is behind it is the jail's affair" "$(tab 'trampoline alice al')" '<alice><al>'
is "an option" "$(tab 'trampoline --verb')" '<--verbose>'
is "a limit" "$(tab 'trampoline -l open')" '<-l><open_files=>'
is "a limit, behind =" "$(tab 'trampoline --limit=open')" '<--limit=open_files=>'
is "the value of a limit is left alone" "$(tab 'trampoline -l cpu=')" '<-l><cpu=>'
is "also behind a second =" "$(tab 'trampoline --limit=cpu=')" '<--limit=cpu=>'
is "a variable of the caller's" "$(tab 'trampoline -E CALLERS_O')" '<-E><CALLERS_OWN>'
is "and behind =" "$(tab 'trampoline --env=CALLERS_O')" '<--env=CALLERS_OWN>'
is "the value of an option is left alone" "$(tab 'trampoline -C al')" '<-C><al>'

# A jail behind options, each as bash breaks it: at "=", at ":", and not at what is quoted.
while read -r options; do
	is "a jail behind $options" "$(tab "trampoline $options al")" "$(eval "printf '<%s>' $options")<alice>"
done <<'END'
-v
-l cpu=5s
--limit=cpu=5s
--limit cpu=5s -p
-E A=b
-E A=
-E A==b=c
-E A
--env=A=b:c:d
-E PATH=/bin:/usr/bin -l cpu=5s
-E "A=b c" -t 5s
--timeout=5s
-C /tmp --chdir=/a:b
END
is "no jail behind a jail, whatever came before" "$(tab 'trampoline -l cpu=5s alice al')" \
	'<-l><cpu=5s><alice><al>'
mkdir -p "$DATA/x9.A+b@c.org/home"
is "a jail whose name has an @" "$(tab 'trampoline x9')" '<x9.A+b@c.org>'
is "up to behind the @, where bash breaks the word" "$(tab 'trampoline -v x9.A+b@c')" '<-v><x9.A+b@c.org>'
rmdir "$DATA/x9.A+b@c.org/home" "$DATA/x9.A+b@c.org"
is "the line may have more commands before it" "$(tab 'true; A=b trampoline  -E A=b al')" '<-E><A=b><alice>'
mkdir -p "$DATA/x9\$(touch expanded)/home"
is "a directory that is no jail's is not offered" "$(tab 'trampoline x9')" '<x9>'
not_ok "nor is its name expanded" test -e "$T_WORK/expanded"
rmdir "$DATA/x9\$(touch expanded)/home" "$DATA/x9\$(touch expanded)"

# --- trampoline-image ------------------------------------------------------------------------------

"$image" build course-2026 --recipe busybox 2>"$ERR" >"$OUT"
version=$(readlink "$course/current")
mkdir -p "$T_WORK/tree-of-mine"
: >"$T_WORK/archive.tar.zst"
while IFS='|' read -r what line wanted; do
	is "trampoline-image: $what" "$(tab "trampoline-image $line")" "$wanted"
done <<END
a command|rollb|<rollback>
an option that stands alone|--vers|<--version>
an image to list|list cour|<list><course-2026>
to roll back|rollback cour|<rollback><course-2026>
to prune|prune cour|<prune><course-2026>
behind an option|prune --dry-run cour|<prune><--dry-run><course-2026>
to build anew|build cour|<build><course-2026>
a version to activate|activate cour|<activate><course-2026@$version>
a version, up to behind the @|activate course-2026@2|<activate><course-2026@$version>
a version to audit|audit course-2026@2|<audit><course-2026@$version>
a version to export|export course-2026@2|<export><course-2026@$version>
the file to export to|export course-2026 arch|<export><course-2026><archive.tar.zst>
the file to import|import arch|<import><archive.tar.zst>
an option of import|import archive.tar.zst --a|<import><archive.tar.zst><--activate>
an option of prune|prune course-2026 --d|<prune><course-2026><--dry-run>
an option of build|build course-2026 --rec|<build><course-2026><--recipe>
a recipe|build course-2026 --recipe deb|<build><course-2026><--recipe><debian>
an option of this recipe|build x --recipe debian --inc|<build><x><--recipe><debian><--include>
and of that one|build x --recipe oci --so|<build><x><--recipe><oci><--source>
but none of another's|build x --recipe oci --inc|<build><x><--recipe><oci><--inc>
a kind of source|build x --recipe oci --source oci-a|<build><x><--recipe><oci><--source><oci-archive:>
a directory|build x --from tree|<build><x><--from><tree-of-mine/>
no image where a value stands|build x --suite cour|<build><x><--suite><cour>
no second image|list course-2026 cour|<list><course-2026><cour>
nothing for a command that is none|nonsense cour|<nonsense><cour>
END

# --- trampoline-user -------------------------------------------------------------------------------

while IFS='|' read -r what line wanted; do
	is "trampoline-user: $what" "$(tab "trampoline-user $line")" "$wanted"
done <<'END'
a command|rem|<remove>
an option that stands alone|--he|<--help>
a user to remove|remove al|<remove><alice>
behind an option and its value|remove --archive file al|<remove><--archive><file><alice>
a user to check|check al|<check><alice>
no user to add|add al|<add><al>
an option of add|add carol --sk|<add><carol><--skel>
a directory|add carol --skel tree|<add><carol><--skel><tree-of-mine/>
an option of remove|remove alice --y|<remove><alice><--yes>
the file of an archive|remove alice --archive arch|<remove><alice><--archive><archive.tar.zst>
nothing behind list|list al|<list><al>
END
