# SPDX-License-Identifier: MIT
# What trampoline-user does for all users at once. Input: the survey ("TYPE MODE UID:GID", TAB, path
# below "data"), then what the keeper says of each user (NAME IMAGE MINIMUM_UID MAXIMUM_UID).
#   mode=names   prints the NAME of each user
#   mode=list    prints NAME UID GID IMAGE of each; "?" for what is not as it should be
#   mode=check   prints "path: what is wrong" of the users that the keeper has spoken of, and if
#                "only" is empty of what is no user's; exit status 1 if it printed something
#   mode=passwd  writes below the directory "etc" the passwd and group that are not as the image
#                wants them, and prints for how many users
#   mode=add     writes passwd and group for "uid" and "gid" into the directory "etc"

/\t/ {
	path = substr($0, index($0, "\t") + 1)
	what[path] = substr($0, 1, index($0, "\t") - 1)
	if (is_user(path))
		user[++users] = path
	next
}

NF {
	asked[++count] = $1
	image[$1] = $2
	low[$1] = $3
	high[$1] = $4
}

END {
	for (i = 1; i <= users; i++) {
		learn(user[i])
		if (mode == "names")
			print user[i]
		if (mode == "list")
			printf "%-32s %10s %10s %s\n", user[i], uid_of[user[i]], gid_of[user[i]], image[user[i]]
	}
	if (mode == "check") {
		for (i = 1; i <= count; i++)
			check(asked[i])
		check_all()
	}
	if (mode == "passwd")
		renew()
	if (mode == "add")
		write(etc, asked[1], uid, gid)
	exit findings > 0
}

function is_user(path)
{
	return path ~ /^[a-z_][a-z0-9_.-]*$/ && length(path) <= 32 && what[path] ~ /^directory/
}

# The uid and gid of a user are the owner's of the home.
function learn(name,    word, n)
{
	uid_of[name] = gid_of[name] = "?"
	n = split(what[name "/home/" name], word, "[ :]")
	if (word[1] != "directory")
		return
	uid_of[name] = word[3]
	gid_of[name] = word[4]
	sharers[word[3]] = sharers[word[3]] " " name
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

# A template of the user's image; where the image is not on this machine, what every image has.
function template(file, name,    path)
{
	path = images "/" image[name] "/current/etc/jail/" file
	if (!(path in templates)) {
		if (read_text(path))
			templates[path] = text
		else if (file == "passwd")
			templates[path] = "root:x:0:0:root:/root:/usr/sbin/nologin\n" \
				"@USER@:x:@UID@:@GID@:@USER@:/home/@USER@:/bin/sh\n"
		else
			templates[path] = "root:x:0:\n@USER@:x:@GID@:\n"
	}
	return templates[path]
}

function fill(file, name, uid, gid,    filled)
{
	filled = template(file, name)
	gsub(/@USER@/, name, filled)
	gsub(/@UID@/, uid, filled)
	gsub(/@GID@/, gid, filled)
	return filled
}

# Whether a file is what the user's image wants. What is no regular file is not opened.
function is_fresh(file, name,    path)
{
	path = name "/home/.etc/" file
	return what[path] ~ /^regular file/ && read_text(data "/" path) &&
		text == fill(file, name, uid_of[name], gid_of[name])
}

function write(dir, name, uid, gid)
{
	printf "%s", fill("passwd", name, uid, gid) >(dir "/passwd")
	printf "%s", fill("group", name, uid, gid) >(dir "/group")
	if (close(dir "/passwd") != 0 || close(dir "/group") != 0)
		exit 2
}

function is_stale(name)
{
	if (what[name "/home/.etc"] ~ /^directory .* 0:0$/ && uid_of[name] != "?" && image[name] != "?")
		return !is_fresh("passwd", name) || !is_fresh("group", name)
	print "trampoline-user: skipping " name ": see trampoline-user check " name >"/dev/stderr"
	return 0
}

function renew(    i, stale, mkdir)
{
	mkdir = "xargs mkdir -p --"
	for (i = 1; i <= count; i++)
		if (is_stale(asked[i])) {
			stale[++n] = asked[i]
			print etc "/" asked[i] "/home/.etc" | mkdir
		}
	if (n > 0 && close(mkdir) != 0)
		exit 2
	for (i = 1; i <= n; i++)
		write(etc "/" stale[i] "/home/.etc", stale[i], uid_of[stale[i]], gid_of[stale[i]])
	print n + 0
}

# --- check ----------------------------------------------------------------------------------------

function wrong(path, text)
{
	print data "/" path ": " text
	findings = 1
}

function check_id(kind, id, name)
{
	if (id + 0 < low[name] + 0 || id + 0 > high[name] + 0 || id == 65534 || id == 0)
		wrong(name "/home/" name, "has " kind " " id ", which is not from " low[name] " to " high[name])
}

function check(name,    home)
{
	home = name "/home"
	want[name] = want[home] = want[home "/.etc"] = "directory 755 0:0"
	want[home "/.etc/passwd"] = want[home "/.etc/group"] = "regular file 644 0:0"
	want[home "/" name] = "directory"
	want[name "/tmp"] = "directory of uid " uid_of[name]
	if (what[name "/tmp"] ~ "^directory [0-7]* " uid_of[name] ":")
		want[name "/tmp"] = what[name "/tmp"]
	if (image[name] == "?")
		wrong(name, "has a policy that cannot be read")
	else if (uid_of[name] != "?") {
		want[home "/" name] = what[home "/" name]
		check_id("uid", uid_of[name], name)
		check_id("gid", gid_of[name], name)
		if (!is_fresh("passwd", name) || !is_fresh("group", name))
			wrong(home "/.etc", "is not what the image " image[name] " wants: run trampoline-user passwd")
	}
}

function check_all(    id, path, top)
{
	for (id in sharers)
		if (sharers[id] ~ / .* /) {
			print "uid " id ": belongs to" sharers[id] ": jails of one uid are not apart"
			findings = 1
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
				: path ~ /^\.removed-/ ? "was left by a remove that was interrupted: remove again" \
				: "is no user's directory")
	}
}
