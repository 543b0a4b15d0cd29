/* SPDX-License-Identifier: MIT */
#pragma once

/* What --help prints. */
const char *help_text(void);
