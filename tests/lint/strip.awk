# SPDX-License-Identifier: MIT
# C without its comments, line by line, so that a grep finds code alone. For each FILE two copies:
# CODE/FILE with string literals emptied, WORDS/FILE with them (-v code=CODE -v words=WORDS).
# Line numbers do not change.

function add(text, is_string) {
	with_strings = with_strings text
	if (!is_string)
		without = without text
}

FNR == 1 { state = "code" }

{
	with_strings = without = ""
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (state == "comment") {
			if (two == "*/") {
				state = "code"
				i++
			}
		} else if (state == "string") {
			if (c == "\\") {
				add(two, 1)
				i++
			} else {
				add(c, c != "\"")
			}
			if (c == "\"")
				state = "code"
		} else if (two == "/*") {
			state = "comment"
			i++
		} else if (two == "//") {
			break
		} else if (c == "'") {
			# A character constant may hold a quote of either kind.
			i += substr($0, i + 1, 1) == "\\" ? 3 : 2
			add("'x'", 0)
		} else {
			if (c == "\"")
				state = "string"
			add(c, 0)
		}
	}
	sub(/[ \t]+$/, "", with_strings)
	sub(/[ \t]+$/, "", without)
	print without >(code "/" FILENAME)
	print with_strings >(words "/" FILENAME)
}
