/* SPDX-License-Identifier: MIT */
/* What a jail is to be: configuration, image, data, opened and judged before anything is done. */
#pragma once

#include "config.h"
#include "trampoline/attributes.h"
#include "trampoline/record.h"
#include "trampoline/text.h"

struct jail {
	struct record record; /* all but the namespaces and the time */
	struct config config;
	int image_fd, base_fd,
		tmp_fd; /* O_PATH: the image's version, data/NAME/home, data/NAME/tmp */
};

/*
 * Decides what jail NAME is. 0; or -1 with a sentence in *ERROR and nothing open. Touches nothing.
 * Afterwards jail_close() releases it.
 */
int jail_describe(struct jail *jail, const char *name, struct text *error) MUST_CHECK;

void jail_close(struct jail *jail);
