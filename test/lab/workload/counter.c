/*
 * counter [--gaps]
 *
 * Prints "tick N" each 100 ms and nothing else: the smallest program of which can be seen that it
 * runs, that it stood still, and that after a checkpoint it went on counting and did not restart.
 */
#include "ticker.h"

int main(int argc, char **argv)
{
	long tick = 0;

	start_ticker_if_asked(&argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;; usleep(100 * 1000))
		printf("tick %ld\n", tick++);
}
