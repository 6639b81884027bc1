/*
 * family PROCESSES THREADS [--gaps]
 *
 * A tree of processes, each with threads and with what only a whole checkpoint keeps: bytes in
 * flight in a pipe and in a socket pair from its parent, an open file that is deleted, a memfd.
 * Prints "tick N" each 100 ms. On SIGUSR1 each process reads back all it has, and the first one
 * prints "intact N of PROCESSES": run after a restore, it says whether anything was lost.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "ticker.h"

#define PROCESSES_MAX 200
#define CHILDREN 3
#define PIPE_BYTES 3000
#define FILE_BYTES 300000

static int processes, threads;
/* One for all processes: anonymous memory that they share. 0: not asked, 1: intact, 2: broken. */
static volatile char *results;
static pid_t children[CHILDREN];
static volatile long turns[64];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Bytes that differ from process to process and from one use to the next. */
static void fill(unsigned char *bytes, size_t length, unsigned seed)
{
	for (size_t at = 0; at < length; at++) {
		seed = seed * 1103515245 + 12345;
		bytes[at] = seed >> 16;
	}
}

static int is_filled(const unsigned char *bytes, size_t length, unsigned seed)
{
	unsigned char expected[FILE_BYTES];

	fill(expected, length, seed);
	return memcmp(bytes, expected, length) == 0;
}

static void write_all(int fd, size_t length, unsigned seed)
{
	unsigned char bytes[FILE_BYTES];

	fill(bytes, length, seed);
	if (write(fd, bytes, length) != (ssize_t)length)
		die("write");
}

static int read_all(int fd, size_t length, unsigned seed)
{
	unsigned char bytes[FILE_BYTES];
	size_t got = 0;

	while (got < length) {
		ssize_t more = read(fd, bytes + got, length - got);

		if (more <= 0)
			return 0;
		got += more;
	}
	return is_filled(bytes, length, seed);
}

static void *turn(void *slot)
{
	for (;; usleep(50 * 1000))
		turns[(long)slot]++;
	return NULL;
}

struct possessions {
	int pipe, socket, deleted, memory;
};

/* Made by the parent: what is in flight must be there before the child is. */
static struct possessions give(int number)
{
	struct possessions own;
	int pipes[2], sockets[2];

	if (pipe2(pipes, O_NONBLOCK) != 0)
		die("pipe");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) != 0)
		die("socketpair");
	write_all(pipes[1], PIPE_BYTES, number);
	write_all(sockets[1], PIPE_BYTES, number + 1000);
	own.pipe = pipes[0];
	own.socket = sockets[0];
	return own;
}

static void take(struct possessions *own, int number)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/deleted-%d", number);
	own->deleted = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (own->deleted < 0)
		die(path);
	write_all(own->deleted, FILE_BYTES, number + 2000);
	unlink(path);
	own->memory = memfd_create("family", 0);
	if (own->memory < 0)
		die("memfd_create");
	write_all(own->memory, FILE_BYTES, number + 3000);
	for (long slot = 0; slot < threads; slot++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, turn, (void *)slot) != 0)
			die("pthread_create");
	}
}

static int threads_turn(void)
{
	long before[64];

	for (int slot = 0; slot < threads; slot++)
		before[slot] = turns[slot];
	usleep(400 * 1000);
	for (int slot = 0; slot < threads; slot++) {
		if (turns[slot] == before[slot])
			return 0;
	}
	return 1;
}

static int is_intact(const struct possessions *own, int number)
{
	lseek(own->deleted, 0, SEEK_SET);
	lseek(own->memory, 0, SEEK_SET);
	return read_all(own->pipe, PIPE_BYTES, number) &&
	       read_all(own->socket, PIPE_BYTES, number + 1000) &&
	       read_all(own->deleted, FILE_BYTES, number + 2000) &&
	       read_all(own->memory, FILE_BYTES, number + 3000) && threads_turn();
}

static void report(void)
{
	int intact = 0, asked = 0;

	for (int wait = 0; wait < 100 && asked < processes; wait++, usleep(100 * 1000)) {
		intact = asked = 0;
		for (int number = 0; number < processes; number++) {
			asked += results[number] != 0;
			intact += results[number] == 1;
		}
	}
	printf("intact %d of %d\n", intact, processes);
}

/* Has the children, and returns in each of them too: the number says in which. */
static int have_children(struct possessions *own, int number)
{
	take(own, number);
	for (int child = 0; child < CHILDREN; child++) {
		int its = number * CHILDREN + child + 1;
		struct possessions theirs;

		if (its >= processes)
			break;
		theirs = give(its);
		children[child] = fork();
		if (children[child] < 0)
			die("fork");
		if (children[child] > 0)
			continue;
		memset(children, 0, sizeof(children));
		*own = theirs;
		return have_children(own, its);
	}
	return number;
}

static void live(const struct possessions *own, int number)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 * 1000 };
	sigset_t asked;

	sigemptyset(&asked);
	sigaddset(&asked, SIGUSR1);
	for (long tick = 0;; tick++) {
		if (sigtimedwait(&asked, NULL, &nap) == SIGUSR1) {
			for (int child = 0; child < CHILDREN; child++) {
				if (children[child] != 0)
					kill(children[child], SIGUSR1);
			}
			results[number] = is_intact(own, number) ? 1 : 2;
			if (number == 0)
				report();
		}
		if (number == 0)
			printf("tick %ld\n", tick);
	}
}

int main(int argc, char **argv)
{
	struct possessions own;
	sigset_t asked;
	int number;

	sigemptyset(&asked);
	sigaddset(&asked, SIGUSR1);
	/* Before the ticker is: no thread but the one that waits for it may take the signal. */
	sigprocmask(SIG_BLOCK, &asked, NULL);
	start_ticker_if_asked(&argc, argv);
	if (argc != 3 || (processes = atoi(argv[1])) > PROCESSES_MAX || (threads = atoi(argv[2])) > 64) {
		fprintf(stderr, "usage: family PROCESSES THREADS [--gaps]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	results = mmap(NULL, PROCESSES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		die("mmap");
	own = give(0);
	number = have_children(&own, 0);
	live(&own, number);
}
