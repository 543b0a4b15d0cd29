/* SPDX-License-Identifier: MIT */
#pragma once

/* The caller has to look at the result: a failure that nobody reads is a protection nobody has. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
