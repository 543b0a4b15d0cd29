# SPDX-License-Identifier: MIT
# A user's half of a page, of three files: the lines of --status-fd, the run's output, its errors.
# -v jail=NAME -v command=TEXT

# Nothing of the user's is markup, nor a character that a page cannot have.
function text(string) {
	gsub(/&/, "\\&amp;", string)
	gsub(/</, "\\&lt;", string)
	gsub(/>/, "\\&gt;", string)
	gsub(/"/, "\\&quot;", string)
	gsub(/[^\t -~\200-\377]/, "?", string)
	return string
}

# member NAME: a number, a word or null, of the last line of --status-fd
function member(name,    value) {
	if (!match(status, "\"" name "\": [^,}]*")) return "null"
	value = substr(status, RSTART, RLENGTH)
	sub(/^"[^"]*": "?/, "", value)
	sub(/"$/, "", value)
	return value
}

# class|sentence
function verdict(    code, reason) {
	code = member("code")
	reason = member("reason")
	if (member("event") == "refused") return "refused|refused, status " code ": nothing has run"
	if (reason == "timeout") return "ended|ended by its time-out, status " code (code == 137 ? ": it took SIGKILL" : "")
	if (reason == "limit") return "ended|ended at its limit: " member("limit")
	if (reason == "signal") return "ended|ended by signal " member("signal")
	if (reason == "exited") return (code == 0 ? "good" : "ended") "|ended by itself, status " code
	return "ended|nobody knows how it ended"
}

function cost(name, value) { printf "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value }

FNR == 1 { file = FILENAME; sub(/.*\//, "", file) }
file == "status" { status = $0 }
file == "output" { output = output text($0) "\n" }
file == "errors" { errors = errors text($0) "\n" }

END {
	split(verdict(), part, "|")
	printf "<section class=\"panel %s\" id=\"%s\">\n<h3>%s</h3>\n<p class=\"command\">%s</p>\n", jail, jail, jail, text(command)
	printf "<p class=\"verdict %s\">%s</p>\n", part[1], part[2]
	if (output != "") printf "<pre class=\"output\">%s</pre>\n", output
	if (errors != "") printf "<pre class=\"errors\">%s</pre>\n", errors
	if (member("event") == "exit") {
		print "<dl>"
		cost("wall clock", sprintf("%.0f ms", member("wall_s") * 1000))
		cost("processor", sprintf("%.0f ms", member("cpu_s") * 1000))
		cost("memory", sprintf("%.1f MB", member("max_rss_kb") / 1024))
		print "</dl>"
	}
	printf "<p class=\"status\">%s</p>\n</section>\n", text(status)
}
