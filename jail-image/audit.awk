# SPDX-License-Identifier: MIT
# Audit one image from a listing of all its objects, one a line, TAB between the fields:
#   path  type  mode  uid:gid  size  link-target  links  device:inode
# Prints "path: what is wrong"; exit status 1 if it printed something, 2 if the list is cut short.
# The image itself is not touched: links are followed in the list, from the image's own root, as the
# jail will see them. (The host would follow an absolute link into its own /.)

BEGIN { FS = "\t" }

$1 == "complete" { complete = 1; next }

{
	type[$1] = $2
	mode[$1] = $3
	owner[$1] = $4
	target[$1] = $6
	links[$1] = $7
	inode[$1] = $8
	if ($2 == "f")
		names[$8]++
}

END {
	if (!complete)
		exit 2
	split(inode["/"], root, ":")
	for (path in type)
		check_object(path)
	check_layout()
	exit findings > 0
}

function found(path, what)
{
	print path ": " what
	findings++
}

function check_object(path,    at, where)
{
	split(inode[path], at, ":")
	if (at[1] != root[1])
		found(path, "lies on another file system than the image")
	if (type[path] !~ /^[fdl]$/)
		found(path, "is a device, a fifo or a socket")
	if (owner[path] != "0:0")
		found(path, "is owned by " owner[path] ", not by root (0:0)")
	if (type[path] == "l") {
		where = resolve(target[path], path)
		if (where == "outside")
			found(path, "is a link that leaves the image: " target[path])
		else if (where == "" && target[path] ~ /^\//)
			found(path, "is an absolute link to nothing: " target[path])
		return
	}
	if (bit(mode[path], 3, 6))
		found(path, "is setuid or setgid (mode " mode[path] ")")
	if (bit(mode[path], 1, 2) || bit(mode[path], 0, 2))
		found(path, "is writable by group or others (mode " mode[path] ")")
	if (type[path] == "f" && links[path] + 0 > names[inode[path]])
		found(path, "has a hard link outside the image")
}

function check_layout(    i, n, dirs, path, part)
{
	n = split("/home /tmp /dev /proc", dirs, " ")
	for (i = 1; i <= n; i++)
		if (type[dirs[i]] != "d")
			found(dirs[i], "is missing: a jail needs this directory to mount on")
	for (path in type) {
		split(path, part, "/")
		if (part[3] != "" && part[2] ~ /^(home|tmp|dev|proc)$/)
			found(path, "lies under a mount point, where no jail can see it")
	}
	if (target["/etc/passwd"] != "../home/.etc/passwd")
		found("/etc/passwd", "is not a link to ../home/.etc/passwd")
	if (target["/etc/group"] != "../home/.etc/group")
		found("/etc/group", "is not a link to ../home/.etc/group")
	if (type["/etc/jail/passwd"] != "f" || type["/etc/jail/group"] != "f")
		found("/etc/jail", "has no templates passwd and group for the jails")
}

# Is one of the bits MASK (2 or 6, of 7) set in the octal digit that has PLACE digits after it?
function bit(octal, place, mask,    digit)
{
	digit = substr("0000" octal, length(octal) + 4 - place, 1)
	if (mask == 6)
		return digit >= 2
	return digit == 2 || digit == 3 || digit >= 6
}

# Where a link's TEXT leads, seen from path FROM: a path, "" (nothing there), or "outside".
function resolve(text, from,    path, part, n, i, at, next_at, hops)
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
					return "outside"
				sub(/\/[^\/]*$/, "", at)
				continue
			}
			next_at = at "/" part[i]
			# Asked first: looking into type[] would make an entry.
			if (!(next_at in type))
				return ""
			if (type[next_at] == "l")
				break
			# What is mounted there, only the jail knows.
			if (next_at ~ /^\/(home|tmp|dev|proc)$/)
				return next_at
			at = next_at
		}
		if (i > n)
			return at == "" ? "/" : at
		path = target[next_at] ~ /^\// ? target[next_at] : at "/" target[next_at]
		while (++i <= n)
			path = path "/" part[i]
	}
	return ""
}
