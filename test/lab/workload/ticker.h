/*
 * A thread that wakes each millisecond and prints every gap of more than 4 ms, so that a container
 * itself tells how long it stood still:
 *
 *   gap 217.4 at 1764000000000.0
 *
 * The first number is the length of the gap in milliseconds of the monotonic clock (which runs on
 * while a process is frozen), the second the wall clock in Unix milliseconds when the gap began.
 */
#ifndef STILLPOINT_LAB_TICKER_H
#define STILLPOINT_LAB_TICKER_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static double clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void *watch_gaps(void *unused)
{
	const struct timespec nap = { .tv_nsec = 1000 * 1000 };
	double last_ms = clock_ms(CLOCK_MONOTONIC), last_wall_ms = clock_ms(CLOCK_REALTIME);
	char line[80];

	(void)unused;
	/* The kernel may add 50 us to every nap by default; this asks for as little as there is. */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	for (;;) {
		double now_ms, gap_ms;

		nanosleep(&nap, NULL);
		now_ms = clock_ms(CLOCK_MONOTONIC);
		gap_ms = now_ms - last_ms;
		if (gap_ms > 4) {
			int length = snprintf(line, sizeof(line), "gap %.1f at %.1f\n", gap_ms, last_wall_ms);

			/* One write, so that no other thread's line gets in between. */
			if (write(STDOUT_FILENO, line, length) < 0)
				exit(1);
			/* Writing the line must not count as the next gap. */
			now_ms = clock_ms(CLOCK_MONOTONIC);
		}
		last_ms = now_ms;
		last_wall_ms = clock_ms(CLOCK_REALTIME);
	}
	return NULL;
}

/* Starts the thread if "--gaps" is among the arguments, and takes that argument away. */
static void start_ticker_if_asked(int *argc, char **argv)
{
	pthread_t thread;
	int kept = 1, asked = 0;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--gaps") == 0)
			asked = 1;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	if (asked && pthread_create(&thread, NULL, watch_gaps, NULL) != 0) {
		perror("cannot start the ticker");
		exit(1);
	}
}

#endif
