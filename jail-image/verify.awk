# SPDX-License-Identifier: MIT
# Compare a manifest (first file) with the image as it is now (second, as manifest.awk prints it).
# Prints "path: what differs"; exit status 1 if it printed something, 2 if either is cut short.

BEGIN { FS = "\t"; split("type mode owner size content", word, " ") }

FNR == 1 { file++ }

$0 == "complete" { complete[file] = 1; next }

file == 1 { was[$1] = $0; next }

!($1 in was) { found($1, "is not in the manifest"); next }

{
	split(was[$1], old, "\t")
	for (i = 2; i <= 6; i++)
		if (old[i] != $i)
			found($1, "has another " word[i - 1] " than the manifest: " $i ", not " old[i])
	delete was[$1]
}

END {
	if (!complete[1] || !complete[2])
		exit 2
	for (path in was)
		found(path, "is in the manifest, but no longer in the image")
	exit findings > 0
}

function found(path, what)
{
	print path ": " what
	findings++
}
