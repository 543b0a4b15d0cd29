# SPDX-License-Identifier: MIT
# What trampoline-user does for all users at once. Input: the survey ("TYPE MODE UID:GID", TAB, path
# below "data"), what the keeper says of users (NAME IMAGE, the least and greatest uid,
# the least and greatest gid), and for mode=next the uids of the machine's accounts.
#   mode=list    prints NAME UID GID IMAGE of each; "?" for what is not as it should be
#   mode=check   prints "path: what is wrong" of the users that the keeper has spoken of, and if
#                "only" is empty of what is no user's; exit status 1 if it printed something
#   mode=passwd  writes below the directory "etc" the passwd and group that are not as the image
#                wants them, and prints for how many users
#   mode=next    prints a uid from "uid" on that no user and no account has
#   mode=add     writes passwd and group for the new user with "uid" and "gid" into "etc"; exit
#                status 1 if he may not have those

/\t/ {
	path = substr($0, index($0, "\t") + 1)
	what[path] = substr($0, 1, index($0, "\t") - 1)
	# The uid and gid of a user are the owner's of the home, as long as it has not been removed wholly.
	if (split(path, part, "/") == 3 && (part[3] "" == part[1] || part[1] == ".removed-" part[3]) &&
		part[2] == "home" && what[path] ~ /^directory/) {
		split(what[path], word, "[ :]")
		uid_of[part[1]] = word[3]
		gid_of[part[1]] = word[4]
		holders[word[3]] = holders[word[3]] " " part[1]
	}
	next
}

NF == 1 { account[$1] }

NF == 6 {
	user[++count] = $1
	image[$1] = $2
	low["uid", $1] = $3
	high["uid", $1] = $4
	low["gid", $1] = $5
	high["gid", $1] = $6
}

END {
	for (i = 1; i <= count; i++)
		if (!(user[i] in uid_of))
			uid_of[user[i]] = gid_of[user[i]] = "?"
	if (mode == "list") {
		for (i = 1; i <= count; i++)
			width = length(user[i]) > width ? length(user[i]) : width
		for (i = 1; i <= count; i++)
			printf "%-" width "s %10s %10s %s\n", user[i], uid_of[user[i]], gid_of[user[i]], image[user[i]]
	}
	if (mode == "check") {
		for (i = 1; i <= count; i++)
			check(user[i])
		check_all()
	}
	if (mode == "passwd")
		renew()
	if (mode == "next") {
		for (id in holders)
			if (id + 0 >= uid + 0)
				uid = id + 1
		while (uid in account)
			uid++
		print uid
	}
	if (mode == "add")
		add(user[1])
	exit failed
}

function complain(text)
{
	print "trampoline-user: " text >"/dev/stderr"
}

# KIND is "uid" or "gid".
function is_in_range(id, kind, name)
{
	return id ~ /^[1-9][0-9]*$/ && id + 0 >= low[kind, name] + 0 && id + 0 <= high[kind, name] + 0 && id + 0 != 65534
}

function range(kind, name)
{
	return "from " low[kind, name] " to " high[kind, name]
}

# --- the jail's passwd and group ------------------------------------------------------------------

# Sets text to what a file holds; 0 if it cannot be read.
function read_text(path,    line, result)
{
	text = ""
	while ((result = (getline line < path)) > 0)
		text = text line "\n"
	close(path)
	return result == 0
}

# What FILE is to hold: the template of the user's image or, where the image is not on this machine,
# what every image has, with the user's name and numbers.
function wanted(file, name, uid, gid,    path, filled)
{
	path = images "/" image[name] "/current/etc/jail/" file
	if (!(path in templates))
		templates[path] = read_text(path) ? text : ENVIRON[file "_template"] "\n"
	filled = templates[path]
	gsub(/@UID@/, uid, filled)
	gsub(/@GID@/, gid, filled)
	gsub(/@USER@/, name, filled) # the last: a name may have an @
	return filled
}

# Whether a file is what the user's image wants. What is no regular file is not opened.
function is_fresh(file, name,    path)
{
	path = name "/home/.etc/" file
	return what[path] ~ /^regular file/ && read_text(data "/" path) &&
		text == wanted(file, name, uid_of[name], gid_of[name])
}

function write(dir, name, uid, gid)
{
	printf "%s", wanted("passwd", name, uid, gid) >(dir "/passwd")
	printf "%s", wanted("group", name, uid, gid) >(dir "/group")
	if (close(dir "/passwd") != 0 || close(dir "/group") != 0)
		exit 2
}

function renew(    name, stale, mkdir)
{
	mkdir = "xargs mkdir -p --"
	for (i = 1; i <= count; i++) {
		name = user[i]
		if (what[name "/home/.etc"] !~ /^directory .* 0:0$/ || uid_of[name] == "?" || image[name] == "?")
			complain("skipping " name ": see trampoline-user check " name)
		else if (!is_fresh("passwd", name) || !is_fresh("group", name)) {
			stale[++n] = name
			print etc "/" name "/home/.etc" | mkdir
		}
	}
	if (n > 0 && close(mkdir) != 0)
		exit 2
	for (i = 1; i <= n; i++)
		write(etc "/" stale[i] "/home/.etc", stale[i], uid_of[stale[i]], gid_of[stale[i]])
	print n + 0
}

function add(name,    with)
{
	with = "cannot add " name " with "
	failed = 1
	if (image[name] == "?")
		complain("cannot add " name ": the policy for a user of this name cannot be read: see trampoline --check")
	else if (!is_in_range(uid, "uid", name))
		complain(with "uid " uid ": want one " range("uid", name) ", not 65534: say --uid")
	else if (!is_in_range(gid, "gid", name))
		complain(with "gid " gid ": want one " range("gid", name) ", not 65534: say --gid")
	else if (uid in holders)
		complain(with "uid " uid ": it is" holders[uid] "'s, and jails of one uid are not apart: say another --uid")
	else {
		write(etc, name, uid, gid)
		failed = 0
	}
}

# --- check ----------------------------------------------------------------------------------------

function wrong(path, text)
{
	print data "/" path ": " text
	failed = 1
}

function check(name,    home)
{
	home = name "/home"
	want[name] = want[home] = want[home "/.etc"] = "directory 755 0:0"
	want[home "/.etc/passwd"] = want[home "/.etc/group"] = "regular file 644 0:0"
	# Their modes and groups are the user's own affair.
	want[home "/" name] = uid_of[name] == "?" ? "directory" : what[home "/" name]
	want[name "/tmp"] = what[name "/tmp"] ~ "^directory [0-7]* " uid_of[name] ":" ? what[name "/tmp"] : \
		"directory of uid " uid_of[name]
	if (image[name] == "?")
		wrong(name, "has a policy that cannot be read")
	else if (uid_of[name] != "?") {
		if (!is_in_range(uid_of[name], "uid", name))
			wrong(home "/" name, "has uid " uid_of[name] ", which is not " range("uid", name))
		if (!is_in_range(gid_of[name], "gid", name))
			wrong(home "/" name, "has gid " gid_of[name] ", which is not " range("gid", name))
		if (!is_fresh("passwd", name) || !is_fresh("group", name))
			wrong(home "/.etc", "is not what the image " image[name] " wants: run trampoline-user passwd")
	}
}

function check_all(    id, path, top)
{
	for (id in holders)
		if (holders[id] ~ / .* /) {
			print "uid " id ": belongs to" holders[id] ": jails of one uid are not apart"
			failed = 1
		}
	for (path in want)
		if (what[path] != want[path])
			wrong(path, "is " (what[path] == "" ? "missing" : what[path]) ", should be " want[path])
	for (path in what) {
		top = path
		sub(/\/.*/, "", top)
		if (path in want || what[path] == "")
			continue # as it should be, told already, or only asked for
		if (top in image)
			wrong(path, "does not belong here")
		else if (only == "" && top == path)
			wrong(path, path ~ /^\.new-/ ? "was left by an add or passwd that was interrupted: run it again" \
				: path ~ /^\.removed-/ ? "is being removed, or was left by a remove that was interrupted: remove again" \
				: "is no user's directory")
	}
}
