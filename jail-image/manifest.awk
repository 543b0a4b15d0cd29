# SPDX-License-Identifier: MIT
# Make a manifest: hashes ("hash  ./path"), the word "objects", then the listing that audit.awk reads.
# One line an object: path type mode uid:gid size hash-or-link-target, TAB between; at the end the
# word "complete", or exit status 2. The size of a directory is its file system's affair.

BEGIN { FS = "\t"; OFS = "\t" }

$0 == "objects" { objects = 1; next }
$0 == "complete" { complete = 1; next }
!objects { hash["/" substr($0, 69)] = substr($0, 1, 64); next }

{
	content = "-"
	if ($2 == "l")
		content = $6
	if ($2 == "f") {
		content = hash[$1]
		if (content == "")
			unread = 1
	}
	print $1, $2, $3, $4, $2 == "d" ? "-" : $5, content
}

END {
	if (!complete || unread)
		exit 2
	print "complete"
}
