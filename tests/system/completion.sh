#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completion as it is installed, in a real bash: what Tab makes of a line.
# shellcheck disable=SC2016 # the other bash expands it
. "$(dirname "$0")/lib.sh"

completion=$T_PREFIX/share/bash-completion/completions/trampoline

# In place of the program, whose words it shows.
cat >"$T_WORK/rc" <<END
unset HISTFILE
trampoline() { printf '<%s>' "\$@" >"$T_WORK/typed"; }
. "$completion"
END

# tab LINE: the words that bash has after LINE, Tab and Return.
tab() {
	rm -f "$T_WORK/typed"
	printf '%s\t\nexit\n' "$1" | env INPUTRC=/dev/null TERM=dumb CALLERS_OWN=x \
		bash --noprofile --rcfile "$T_WORK/rc" -i >"$OUT" 2>&1 || :
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
