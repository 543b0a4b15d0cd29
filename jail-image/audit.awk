# SPDX-License-Identifier: MIT
# Audit one image. Input: four lists, one object a line, TAB between the fields, "complete" after each:
#   the manifest of the version      path type mode uid:gid size hash-or-target
#   the manifest of what is there    the same
#   what no manifest has             path links device:inode
#   what getfattr says of extended attributes
#
# What would harm is printed as "path: what is wrong". What a jail makes harmless, because it has
# the image read-only, nosuid and nodev, as its root, and no_new_privs, is told once for each class.
# Exit status 1 for a harm, 2 if a list is cut short.

BEGIN { FS = "\t" }

$0 == "complete" { lists++; next }

lists == 0 { was[$1] = $0; next }

lists == 1 {
	is[$1] = $0
	type[$1] = $2
	mode[$1] = $3
	owner[$1] = $4
	target[$1] = $6
	next
}

lists == 2 {
	links[$1] = $2
	inode[$1] = $3
	names[$3]++
	next
}

/^# file: / { file = substr($0, 10); sub(/^\.\/?/, "/", file); next }
# SELinux labels every file of its host.
$0 != "" && $0 != "security.selinux" {
	if (/^(user|trusted)\./)
		sub(/\..*/, ".*") # any name that somebody thought of
	if (!((file, $0) in has)) {
		has[file, $0]
		harmless(file, "with the attribute " $0, "has no_new_privs and is read-only")
	}
}

END {
	if (lists != 4)
		exit 2
	for (path in is) {
		check_object(path)
		if (!(path in was))
			harm(path, "is not in the manifest")
		else if (was[path] != is[path])
			harm(path, "is " rest(is[path]) ", and in the manifest " rest(was[path]))
	}
	for (path in was)
		if (!(path in is))
			harm(path, "is in the manifest, but no longer in the image")
	check_layout()
	for (what in count)
		print count[what] (count[what] == 1 ? " object " : " objects ") what ", such as " example[what] ": harmless, because a jail " reason[what]
	exit harms > 0
}

function rest(line)
{
	sub(/^[^\t]*\t/, "", line)
	gsub(/\t/, " ", line)
	return line
}

function harm(path, what)
{
	print path ": " what
	harms++
}

function harmless(path, what, why)
{
	count[what]++
	reason[what] = why
	if (!(what in example) || path < example[what])
		example[what] = path
}

function device(path)
{
	return substr(inode[path], 1, index(inode[path], ":"))
}

function check_object(path)
{
	if (device(path) != device("/"))
		harm(path, "lies on another file system than the image")
	if (type[path] ~ /[bc]/)
		harmless(path, "with a device number", "is nodev")
	# A fifo or socket joins jails that are to be apart, read-only or not.
	else if (type[path] !~ /[fdl]/)
		harm(path, "is a fifo or a socket")
	# The owner of a file may put a lease on it, fcntl(2), and hold up all others who open it.
	if (type[path] == "f" && owner[path] !~ /^0:/)
		harm(path, "is owned by " owner[path] ", not by root")
	else if (owner[path] != "0:0")
		harmless(path, "of another owner or group than root", "is read-only")
	if (type[path] == "f" && links[path] > names[inode[path]])
		harm(path, "has a hard link outside the image")
	if (type[path] != "l" && mode[path] ~ /^[2-7]...$/)
		harmless(path, "with a setuid or setgid bit", "is nosuid")
	if (type[path] != "l" && mode[path] ~ /[2367].?$/)
		harmless(path, "writable by group or others", "is read-only")
	if (path ~ /^\/(home|tmp|dev|proc)\//)
		harmless(path, "below a mount point", "does not see them")
}

function check_layout(    i, dirs)
{
	for (i = split("/home /tmp /dev /proc", dirs, " "); i > 0; i--)
		if (type[dirs[i]] != "d")
			harm(dirs[i], "is missing: a jail needs this directory to mount on")
	if (mode["/"] !~ /[57]$/)
		harm("/", "can be entered by root alone: chmod 755")
	if (target["/etc/passwd"] != "../home/.etc/passwd")
		harm("/etc/passwd", "is not a link to ../home/.etc/passwd")
	if (target["/etc/group"] != "../home/.etc/group")
		harm("/etc/group", "is not a link to ../home/.etc/group")
	if (type["/etc/jail/passwd"] != "f" || type["/etc/jail/group"] != "f")
		harm("/etc/jail", "has no templates passwd and group for the jails")
}
