/* SPDX-License-Identifier: MIT */
/*
 * What runs a fuzz target without libFuzzer: `TARGET DIRECTORY [RUNS [SEED]]' tries each file of
 * the corpus, then RUNS mutations of them, and says so in TAP. A crash, or a sanitizer, ends it
 * before that; the input is then in the file that it names. The same SEED makes the same inputs.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS_MAX 256
#define SIZE_MAX_OF_INPUT 4096
#define RUNS 20000
#define SECONDS_OF_A_RUN 300

struct input {
	uint8_t bytes[SIZE_MAX_OF_INPUT];
	size_t size;
};

static struct input corpus[INPUTS_MAX], current;
static size_t corpus_count;
static uint64_t state;

/* xorshift64: any good enough sequence that a seed repeats */
static size_t random_below(size_t bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return bound ? (size_t)(state % bound) : 0;
}

static void keep_input(void)
{
	static char crash_file[] = "/tmp/trampoline-fuzz.XXXXXX";
	int fd = mkstemp(crash_file);

	if (&fuzz_end)
		fuzz_end();
	if (fd >= 0 && write(fd, current.bytes, current.size) == (ssize_t)current.size)
		dprintf(STDERR_FILENO, "the input is in %s\n", crash_file);
}

/* An input that does not end is one that is found. */
static void note_end(int number)
{
	if (number == SIGABRT || number == SIGALRM)
		keep_input();
	else if (&fuzz_end)
		fuzz_end();
	signal(number, SIG_DFL);
	raise(number);
}

/* Sanitizers end the process on their own: this is called by them before. */
void __sanitizer_set_death_callback(void (*callback)(void));

static void run(void)
{
	/* A copy of exactly this size, so that one byte past it is noticed. */
	uint8_t *exact = malloc(current.size ? current.size : 1);

	if (!exact)
		abort();
	memcpy(exact, current.bytes, current.size);
	alarm(SECONDS_OF_A_RUN);
	LLVMFuzzerTestOneInput(exact, current.size);
	free(exact);
}

static void insert(size_t at, const uint8_t *bytes, size_t size)
{
	if (size > sizeof(current.bytes) - current.size)
		return;
	memmove(current.bytes + at + size, current.bytes + at, current.size - at);
	memcpy(current.bytes + at, bytes, size);
	current.size += size;
}

static void mutate(void)
{
	static const uint8_t special[] = {0,   1,   3,   0x7f, 0x80, 0xff, '\n', '=', '[',
					  ']', '-', '0', '9',  ' ',  ';',  '#',  '*', ':'};
	const struct input *other = &corpus[random_below(corpus_count)];
	size_t at = random_below(current.size + 1), left = current.size - at;
	size_t from = random_below(other->size + 1), size;
	uint8_t byte = special[random_below(sizeof(special))];

	switch (random_below(6)) {
	case 0: /* flip a bit */
		if (left > 0)
			current.bytes[at] ^= (uint8_t)(1u << random_below(8));
		break;
	case 1: /* another byte */
		if (left > 0)
			current.bytes[at] = random_below(2) ? byte : (uint8_t)random_below(256);
		break;
	case 2: /* one more */
		insert(at, &byte, 1);
		break;
	case 3: /* fewer */
		size = random_below(left + 1);
		memmove(current.bytes + at, current.bytes + at + size, left - size);
		current.size -= size;
		break;
	case 4: /* a piece of another */
		insert(at, other->bytes + from, random_below(other->size - from + 1));
		break;
	default: /* the same many times */
		for (size = random_below(600); size > 0; size--)
			insert(at, &byte, 1);
	}
}

static void read_corpus(const char *name)
{
	DIR *directory = opendir(name);
	int directory_fd = directory ? dirfd(directory) : -1;

	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		int fd = openat(directory_fd, entry->d_name, O_RDONLY | O_CLOEXEC);
		struct input *input = &corpus[corpus_count];
		ssize_t size = fd < 0 ? -1 : read(fd, input->bytes, sizeof(input->bytes));

		if (size >= 0 && corpus_count + 1 < INPUTS_MAX) {
			input->size = (size_t)size;
			corpus_count++;
		}
		if (fd >= 0)
			close(fd);
	}
	if (directory)
		closedir(directory);
}

int main(int argc, char *argv[])
{
	static const int ends[] = {SIGABRT, SIGALRM, SIGINT, SIGTERM, SIGHUP};
	unsigned long runs = &fuzz_runs ? fuzz_runs : RUNS;

	if (argc < 2)
		return EXIT_FAILURE;
	if (argc > 2)
		runs = strtoul(argv[2], NULL, 10);
	read_corpus(argv[1]);
	if (corpus_count == 0) {
		printf("Bail out! there is no input in %s\n", argv[1]);
		return EXIT_FAILURE;
	}
	state = argc > 3 ? strtoull(argv[3], NULL, 10) | 1 : UINT64_C(0x9e3779b97f4a7c15);
	__sanitizer_set_death_callback(keep_input);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], note_end);
	printf("1..2\n");
	for (size_t i = 0; i < corpus_count; i++) {
		current = corpus[i];
		run();
	}
	printf("ok 1 - %s: %zu inputs\n", argv[1], corpus_count);
	for (unsigned long i = 0; i < runs; i++) {
		current = corpus[random_below(corpus_count)];
		for (size_t steps = 1 + random_below(4); steps > 0; steps--)
			mutate();
		run();
	}
	printf("ok 2 - %s: %lu mutations of them\n", argv[1], runs);
	return EXIT_SUCCESS;
}
