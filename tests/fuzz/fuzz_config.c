/* SPDX-License-Identifier: MIT */
/* A configuration file, as trampoline.conf and, of the same bytes, as an override. */
#include "keeper/policy/config.h"

#include <string.h>

#include "fuzz.h"
#include "keeper/policy/key.h"
#include "keeper/policy/word.h"

static void must_be_sound(const struct config *config)
{
	MUST_HOLD(config->policy.caller_count <= RECORD_CALLERS_MAX);
	MUST_HOLD(name_is_jail(config->policy.image) && !strchr(config->policy.image, '@'));
	MUST_HOLD(config->minimum_uid > 0 && config->maximum_uid > 0);
	MUST_HOLD(config->maximum_uid < UINT32_MAX - 1 && config->policy.umask <= 0777);
	MUST_HOLD(config->policy.timeout_ms > 0);
	MUST_HOLD(strnlen(config->path, sizeof(config->path)) < sizeof(config->path));
	MUST_HOLD(strnlen(config->policy.shell, sizeof(config->policy.shell)) <
		  sizeof(config->policy.shell));
	MUST_HOLD(config->path[0] == '/');
	MUST_HOLD(config->policy.shell[0] == '/' || !strcmp(config->policy.shell, "auto"));
	MUST_HOLD(config->policy.keep_length <= sizeof(config->policy.keep));
	MUST_HOLD(!config->policy.keep_length ||
		  !config->policy.keep[config->policy.keep_length - 1]);
	for (uint32_t i = 0; i < config->pair_counts[CONFIG_SET]; i++) {
		const char *key = config->pairs[CONFIG_SET][i].key;

		MUST_HOLD(name_is_variable(key, strlen(key)) && strcmp(key, "HOME") != 0);
	}
	for (uint32_t i = 0; i < config->pair_counts[CONFIG_BINDS]; i++) {
		const struct config_pair *bind = &config->pairs[CONFIG_BINDS][i];
		char host[RECORD_PATH_MAX];

		MUST_HOLD(bind->key[0] == '/' && !strstr(bind->key, "/../"));
		MUST_HOLD(word_read_bind(bind->value, host) != 0 && host[0] == '/');
		for (uint32_t other = 0; other < i; other++)
			MUST_HOLD(strcmp(bind->key, config->pairs[CONFIG_BINDS][other].key) != 0);
	}
	for (size_t i = 0; key_name(i); i++) {
		static struct config copy;
		struct text reason;

		/* what the keeper says that it read is what it read */
		copy = *config;
		MUST_HOLD(config->entries[i].source == RECORD_SOURCES ||
			  key_read(&copy, i, config->entries[i].value, &reason) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct config defaults, config, before;
	static char text[65537];
	struct text error = {.length = 0};

	if (size >= sizeof(text))
		return 0;

	if (defaults.policy.umask == 0)
		config_defaults(&defaults);
	config = defaults;
	memcpy(text, bytes, size);
	if (config_parse(&config, RECORD_CONFIG, "t.conf", text, size, &error) != 0) {
		must_be_sentence(&error);
		return 0;
	}
	must_be_sound(&config);
	/* What is a good file is a good override, and says the same. */
	before = config;
	memcpy(text, bytes, size);
	MUST_HOLD(config_parse(&config, RECORD_OVERRIDE, "t.conf", text, size, &error) == 0);
	MUST_HOLD(!memcmp(&config, &before, offsetof(struct config, entries)));
	for (uint32_t i = 0; i < config.pair_counts[CONFIG_SET]; i++)
		MUST_HOLD(!strcmp(config.pairs[CONFIG_SET][i].value,
				  before.pairs[CONFIG_SET][i].value));
	return 0;
}
