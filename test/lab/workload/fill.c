/*
 * fill random|text MB [PATH]
 *
 * Writes that many megabytes below PATH (default /filled): `random` is one file that nothing can
 * compress, `text` are files of 256 KiB of log lines, which compress about as logs do. Says
 * "filled", and is done.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state = 88172645463325252ull;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static FILE *create(const char *directory, long number)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%ld", directory, number);
	file = fopen(path, "w");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

static void close_whole(FILE *file)
{
	if (ferror(file) || fclose(file) != 0) {
		perror("write");
		exit(1);
	}
}

static void write_random(const char *directory, long megabytes)
{
	FILE *file = create(directory, 0);

	for (long words = megabytes * 1000000 / 8; words > 0; words--) {
		uint64_t word = next();

		fwrite(&word, sizeof(word), 1, file);
	}
	close_whole(file);
}

static void write_text(const char *directory, long megabytes)
{
	static const char *const words[] = { "accepted", "closed", "retry", "timeout", "stored", "cart" };
	long left = megabytes * 1000000;

	for (long number = 0; left > 0; number++) {
		FILE *file = create(directory, number);

		for (long size = 0; size < 256 * 1024 && left > 0;) {
			uint64_t chance = next();
			int length = fprintf(file, "2026-01-01T%02d:%02d:%02d.%03dZ INFO request %08x %s in %d ms\n",
					     (int)(chance % 24), (int)(chance / 24 % 60),
					     (int)(chance / 1440 % 60), (int)(chance / 86400 % 1000),
					     (unsigned)(chance >> 32), words[chance % 6],
					     (int)(chance / 7 % 900));

			size += length;
			left -= length;
		}
		close_whole(file);
	}
}

int main(int argc, char **argv)
{
	const char *directory = argc > 3 ? argv[3] : "/filled";

	if (argc < 3 || (strcmp(argv[1], "random") != 0 && strcmp(argv[1], "text") != 0)) {
		fprintf(stderr, "usage: fill random|text MB [PATH]\n");
		return 2;
	}
	mkdir(directory, 0755);
	if (argv[1][0] == 'r')
		write_random(directory, atol(argv[2]));
	else
		write_text(directory, atol(argv[2]));
	printf("filled\n");
	return 0;
}
