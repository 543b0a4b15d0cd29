/* SPDX-License-Identifier: MIT */
/* What the command finds in its environment, and nothing else of the caller's. */
#include "environment.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What Apache's suEXEC lets through to a CGI program. A name that ends in "*" is a prefix. */
static const char cgi_names[] =
	"AUTH_TYPE\0CONTENT_LENGTH\0CONTENT_TYPE\0CONTEXT_DOCUMENT_ROOT\0CONTEXT_PREFIX\0"
	"DATE_GMT\0DATE_LOCAL\0DOCUMENT_ARGS\0DOCUMENT_NAME\0DOCUMENT_PATH_INFO\0"
	"DOCUMENT_ROOT\0DOCUMENT_URI\0GATEWAY_INTERFACE\0HTTPS\0HTTP_*\0LAST_MODIFIED\0"
	"PATH_INFO\0PATH_TRANSLATED\0QUERY_STRING\0QUERY_STRING_UNESCAPED\0"
	"REDIRECT_ERROR_NOTES\0REDIRECT_HANDLER\0REDIRECT_QUERY_STRING\0"
	"REDIRECT_REMOTE_USER\0REDIRECT_SCRIPT_FILENAME\0REDIRECT_STATUS\0REDIRECT_URL\0"
	"REMOTE_ADDR\0REMOTE_HOST\0REMOTE_IDENT\0REMOTE_PORT\0REMOTE_USER\0REQUEST_METHOD\0"
	"REQUEST_SCHEME\0REQUEST_URI\0SCRIPT_FILENAME\0SCRIPT_NAME\0SCRIPT_URI\0"
	"SCRIPT_URL\0SERVER_ADDR\0SERVER_ADMIN\0SERVER_NAME\0SERVER_PORT\0SERVER_PROTOCOL\0"
	"SERVER_SIGNATURE\0SERVER_SOFTWARE\0SSL_*\0UNIQUE_ID\0USER_NAME";

static bool is_listed(const char *list, size_t size, const char *entry, size_t length)
{
	for (const char *name = list; name < list + size; name += strlen(name) + 1) {
		size_t size_of_name = strlen(name);
		bool is_prefix = size_of_name > 0 && name[size_of_name - 1] == '*';

		size_of_name -= is_prefix;
		if ((is_prefix ? length > size_of_name : length == size_of_name) &&
		    memcmp(name, entry, size_of_name) == 0)
			return true;
	}
	return false;
}

/* HTTP_PROXY is how a request's Proxy: header would steer the command (httpoxy, CVE-2016-5385). */
static bool is_cgi(const char *entry, size_t length)
{
	static const char proxy[] = "HTTP_PROXY";

	if (length == sizeof(proxy) - 1 && memcmp(entry, proxy, length) == 0)
		return false;
	return is_listed(cgi_names, sizeof(cgi_names), entry, length);
}

static int put(struct environment *environment, const char *entry)
{
	size_t length = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < environment->count; i++) {
		if (strncmp(environment->entries[i], entry, length) != 0)
			continue;
		environment->entries[i] = entry;
		return 0;
	}
	if (environment->count == ENVIRONMENT_MAX) {
		errno = E2BIG;
		return -1;
	}
	environment->entries[environment->count++] = entry;
	return 0;
}

static const char *find(char *const entries[], const char *name, size_t length)
{
	for (; *entries; entries++)
		if (!strncmp(*entries, name, length) && (*entries)[length] == '=')
			return *entries;
	return NULL;
}

int environment_build(struct environment *environment, const struct record *record,
		      const struct arguments *arguments, char *const inherited[])
{
	const char *set = record_set(record), *end = set + record->set_length;

	environment->count = 0;
	for (char *const *entry = inherited; *entry; entry++) {
		size_t length = strcspn(*entry, "=");

		if ((*entry)[length] != '=' || !name_is_variable(*entry, length))
			continue;
		if (!is_listed(record->keep, record->keep_length, *entry, length) &&
		    !(arguments->cgi && is_cgi(*entry, length)))
			continue;
		if (put(environment, *entry) != 0)
			return -1;
	}
	for (; set < end; set += strlen(set) + 1)
		if (put(environment, set) != 0)
			return -1;
	for (size_t i = 0; i < arguments->environment_count; i++) {
		const char *entry = arguments->environment[i];

		if (!strchr(entry, '='))
			entry = find(inherited, entry, strlen(entry));
		if (entry && put(environment, entry) != 0)
			return -1;
	}
	environment->entries[environment->count] = NULL;
	return 0;
}

const char *environment_get(const struct environment *environment, const char *name)
{
	size_t length = strlen(name);
	const char *entry = find((char *const *)environment->entries, name, length);

	return entry ? entry + length + 1 : NULL;
}
