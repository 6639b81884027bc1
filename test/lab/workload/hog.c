/*
 * hog RATE_MBPS MAX_MB DELAY_S [--gaps]
 *
 * Waits DELAY_S, then takes and dirties memory at RATE_MBPS until it holds MAX_MB, says "full", and
 * then prints "tick N" each second. With --gaps it also measures when it stood still: ticker.h.
 */
#include <sys/mman.h>

#include "ticker.h"

static const size_t chunk_bytes = 1 << 20;

static void take_chunk(long number)
{
	char *memory = mmap(NULL, chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("cannot take memory");
		exit(1);
	}
	/* Every page another content than zero, so that none is shared or left out of a dump. */
	memset(memory, (number & 0x7f) | 0x80, chunk_bytes);
}

int main(int argc, char **argv)
{
	double rate_mbps, delay_s, start_ms;
	long max_mb, taken_mb = 0, tick = 0;

	start_ticker_if_asked(&argc, argv);
	if (argc != 4) {
		fprintf(stderr, "usage: hog RATE_MBPS MAX_MB DELAY_S [--gaps]\n");
		return 2;
	}
	rate_mbps = atof(argv[1]);
	max_mb = atol(argv[2]);
	delay_s = atof(argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	usleep(delay_s * 1e6);

	start_ms = clock_ms(CLOCK_MONOTONIC);
	while (taken_mb < max_mb) {
		double due_mb = (clock_ms(CLOCK_MONOTONIC) - start_ms) / 1e3 * rate_mbps;

		while (taken_mb < due_mb && taken_mb < max_mb)
			take_chunk(taken_mb++);
		usleep(500);
	}
	printf("full\n");
	for (;; sleep(1))
		printf("tick %ld\n", tick++);
}
