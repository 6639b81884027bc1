/*
 * answer PORT [--gaps]
 *
 * A server that sends back every byte, on as many connections as there are. With --gaps it also
 * measures when it stood still: ticker.h.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "ticker.h"

#define CONNECTIONS_MAX 64

static struct pollfd open_files[1 + CONNECTIONS_MAX];
static int count;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void listen_on(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0)
		die("listen");
	open_files[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void take_connection(void)
{
	int yes = 1, fd = accept(open_files[0].fd, NULL, NULL);

	if (fd < 0)
		return;
	if (count > CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	open_files[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* Whether the connection is still there. */
static int answer(int fd)
{
	char bytes[4096];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	return got > 0 && write(fd, bytes, got) == got;
}

int main(int argc, char **argv)
{
	start_ticker_if_asked(&argc, argv);
	if (argc != 2) {
		fprintf(stderr, "usage: answer PORT [--gaps]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	listen_on(atoi(argv[1]));
	printf("listening\n");
	for (;;) {
		if (poll(open_files, count, -1) < 0)
			continue;
		for (int at = count - 1; at > 0; at--) {
			if (open_files[at].revents == 0 || answer(open_files[at].fd))
				continue;
			close(open_files[at].fd);
			open_files[at] = open_files[--count];
		}
		if (open_files[0].revents != 0)
			take_connection();
	}
}
