# SPDX-License-Identifier: MIT
# C without its comments, line by line, so that a grep finds code alone. With -v strings=keep string
# literals stay; else they become "". Reads one file; line numbers do not change.

BEGIN { state = "code" }

{
	out = ""
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
			if (strings == "keep" || c == "\"")
				out = out c
			if (c == "\\") {
				if (strings == "keep")
					out = out substr($0, i + 1, 1)
				i++
			} else if (c == "\"") {
				state = "code"
			}
		} else if (two == "/*") {
			state = "comment"
			i++
		} else if (two == "//") {
			break
		} else if (c == "'") {
			# A character constant may hold a quote of either kind.
			width = substr($0, i + 1, 1) == "\\" ? 4 : 3
			out = out "'x'"
			i += width - 1
		} else {
			if (c == "\"")
				state = "string"
			out = out c
		}
	}
	sub(/[ \t]+$/, "", out)
	print out
}
