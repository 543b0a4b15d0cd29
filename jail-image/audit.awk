# SPDX-License-Identifier: MIT
# Audit one image. Input: a listing of its objects, one a line, TAB between the fields:
#   path  type  mode  uid:gid  size  link-target  links  device:inode
# then "complete", then what getfattr says of extended attributes, then "complete" again.
#
# What would harm is printed as "path: what is wrong". What a jail makes harmless, because it has
# the image read-only, nosuid and nodev and no_new_privs, is told once for each class. Exit status 1
# for a harm, 2 if a list is cut short. The image itself is not touched: links are followed in the
# list, from the image's own root, as the jail will see them. (The host would follow an absolute one
# into its own /.)

BEGIN { FS = "\t" }

$0 == "complete" { lists++; next }

lists == 0 {
	type[$1] = $2
	mode[$1] = $3
	owner[$1] = $4
	target[$1] = $6
	links[$1] = $7
	inode[$1] = $8
	if ($2 == "f")
		names[$8]++
	next
}

/^# file: / { file = substr($0, 10); sub(/^\.\/?/, "/", file); next }
# SELinux labels every file of its host.
$0 != "" && $0 != "security.selinux" { harmless(file, "with the attribute " $0, "has no_new_privs and is read-only") }

END {
	if (lists != 2)
		exit 2
	split(inode["/"], root, ":")
	for (path in type)
		check_object(path)
	check_layout()
	for (what in count)
		print count[what] (count[what] == 1 ? " object " : " objects ") what ", such as " example[what] ": harmless, because a jail " reason[what]
	exit harms > 0
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

function check_object(path,    at)
{
	split(inode[path], at, ":")
	if (at[1] != root[1])
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
	if (type[path] == "l") {
		if (leaves(target[path], path))
			harm(path, "is a link that leaves the image: " target[path])
		return
	}
	if (mode[path] ~ /^[2-7]...$/)
		harmless(path, "with a setuid or setgid bit", "is nosuid")
	if (mode[path] ~ /[2367].?$/)
		harmless(path, "writable by group or others", "is read-only")
	if (type[path] == "f" && links[path] + 0 > names[inode[path]])
		harm(path, "has a hard link outside the image")
	if (path ~ /^\/(home|tmp|dev|proc)\//)
		harmless(path, "below a mount point", "does not see them")
}

function check_layout(    i, n, dirs)
{
	n = split("/home /tmp /dev /proc", dirs, " ")
	for (i = 1; i <= n; i++)
		if (type[dirs[i]] != "d")
			harm(dirs[i], "is missing: a jail needs this directory to mount on")
	if (target["/etc/passwd"] != "../home/.etc/passwd")
		harm("/etc/passwd", "is not a link to ../home/.etc/passwd")
	if (target["/etc/group"] != "../home/.etc/group")
		harm("/etc/group", "is not a link to ../home/.etc/group")
	if (type["/etc/jail/passwd"] != "f" || type["/etc/jail/group"] != "f")
		harm("/etc/jail", "has no templates passwd and group for the jails")
}

# Whether a link's TEXT, seen from path FROM, leads out of the root on its way.
function leaves(text, from,    path, part, n, i, at, next_at, hops)
{
	sub(/\/[^\/]*$/, "", from)
	path = text ~ /^\// ? text : from "/" text
	for (hops = 0; hops < 40; hops++) {
		n = split(path, part, "/")
		at = ""
		for (i = 1; i <= n; i++) {
			if (part[i] == "" || part[i] == ".")
				continue
			if (part[i] == "..") {
				if (at == "")
					return 1
				sub(/\/[^\/]*$/, "", at)
				continue
			}
			next_at = at "/" part[i]
			# What is mounted there, only the jail knows.
			if (!(next_at in type) || next_at ~ /^\/(home|tmp|dev|proc)$/)
				return 0
			if (type[next_at] == "l")
				break
			at = next_at
		}
		if (i > n)
			return 0
		path = target[next_at] ~ /^\// ? target[next_at] : at "/" target[next_at]
		while (++i <= n)
			path = path "/" part[i]
	}
	return 0
}
