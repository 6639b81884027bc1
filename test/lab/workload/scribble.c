/*
 * scribble BIG_MB
 *
 * Changes the root file system in every way that a layer can tell: below /lower, which is of the
 * image, and below /new. Then says "scribbled" and counts "tick N" each 100 ms.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	must(fchmod(fd, mode), path);
	close(fd);
}

static void make_dir(const char *path, mode_t mode)
{
	must(mkdir(path, 0700), path);
	must(chmod(path, mode), path);
}

/* Incompressible, and the same each time. */
static void put_big(const char *path, long megabytes)
{
	static uint64_t block[1 << 17];
	uint64_t state = 88172645463325252ull;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	must(fd, path);
	for (long done = 0; done < megabytes; done++) {
		for (size_t at = 0; at < sizeof(block) / sizeof(*block); at++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			block[at] = state;
		}
		must(write(fd, block, sizeof(block)), path);
	}
	close(fd);
}

static void change_lower(void)
{
	must(unlink("/lower/deleted"), "deleted");
	must(unlink("/lower/removed/a"), "removed/a");
	must(unlink("/lower/removed/b"), "removed/b");
	must(rmdir("/lower/removed"), "removed");
	must(unlink("/lower/opaque/old"), "opaque/old");
	must(unlink("/lower/opaque/sub/old"), "opaque/sub/old");
	must(rmdir("/lower/opaque/sub"), "opaque/sub");
	must(rmdir("/lower/opaque"), "opaque");
	/* A new directory over one that was removed: the lower one must not show through. */
	make_dir("/lower/opaque", 0750);
	put("/lower/opaque/new", "new\n", 0644);
	must(unlink("/lower/becomes-file/x"), "becomes-file/x");
	must(rmdir("/lower/becomes-file"), "becomes-file");
	put("/lower/becomes-file", "now a file\n", 0640);
	must(unlink("/lower/becomes-dir"), "becomes-dir");
	make_dir("/lower/becomes-dir", 0711);
	put("/lower/becomes-dir/inside", "now a directory\n", 0644);
	must(unlink("/lower/becomes-link"), "becomes-link");
	must(symlink("kept", "/lower/becomes-link"), "becomes-link");
	must(chmod("/lower/mode", 0600), "mode");
	must(chown("/lower/owner", 1234, 4321), "owner");
	put("/lower/appended", "and more\n", 0644);
	must(rename("/lower/renamed", "/lower/renamed-to"), "renamed");
}

static void make_owned(void)
{
	put("/new/of-1000", "private\n", 0600);
	must(chown("/new/of-1000", 1000, 1000), "of-1000");
	/* More than the seven octal digits of a plain tar header can tell. */
	put("/new/of-3000000", "a high id\n", 0600);
	must(chown("/new/of-3000000", 3000000, 3000001), "of-3000000");
	make_dir("/new/dir-of-1000", 0700);
	put("/new/dir-of-1000/inside", "hidden\n", 0000);
	must(chown("/new/dir-of-1000", 1000, 1000), "dir-of-1000");
	put("/new/setuid", "#!/bin/sh\n", 0755);
	must(chown("/new/setuid", 65534, 65534), "setuid");
	must(chmod("/new/setuid", 06755), "setuid");
	make_dir("/new/sticky", 01777);
}

static void make_attributes(void)
{
	/* CAP_NET_RAW, permitted and effective, as setcap writes it (revision 2). */
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	const struct timespec times[2] = { { 1000000000, 123456789 }, { 1000000000, 123456789 } };

	put("/new/noted", "with attributes\n", 0644);
	must(setxattr("/new/noted", "user.note", "kept?\0yes", 9, 0), "user.note");
	put("/new/capable", "#!/bin/sh\n", 0755);
	must(setxattr("/new/capable", "security.capability", capability, 20, 0), "capability");
	put("/new/old", "from 2001\n", 0644);
	must(utimensat(AT_FDCWD, "/new/old", times, 0), "old");
}

static void make_special(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/new/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&address, sizeof(address)), "socket");
	/* Nobody listens there, so that nothing but the file is left of it. */
	close(fd);
	must(mkfifo("/new/fifo", 0622), "fifo");
	must(mknod("/new/null", S_IFCHR | 0666, makedev(1, 3)), "null");
	must(mknod("/new/block", S_IFBLK | 0600, makedev(7, 300)), "block");
	must(symlink("of-1000", "/new/link"), "link");
	must(symlink("/nowhere/at/all", "/new/dangling"), "dangling");
	put("/new/hard-a", "one file, two names\n", 0644);
	must(link("/new/hard-a", "/new/hard-b"), "hard-b");
	put("/new/empty", "", 0644);
	fd = open("/new/sparse", O_WRONLY | O_CREAT, 0644);
	must(fd, "sparse");
	must(pwrite(fd, "end", 3, 5000000), "sparse");
	close(fd);
}

static void make_names(void)
{
	char name[300] = "/new/";

	memset(name + 5, 'n', 200);
	put(name, "a long name\n", 0644);
	memset(name + 5, 't', 200);
	must(symlink(name, "/new/long-link"), "long-link");
	strcpy(name, "/new");
	for (int depth = 0; depth < 5; depth++) {
		strcat(name, "/a-directory-with-a-rather-long-name-to-fill-the-path");
		make_dir(name, 0755);
	}
	strcat(name, "/x");
	put(name, "deep\n", 0644);
	put("/new/gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac", "not ASCII\n", 0644);
	put("/new/a b\nc", "a space and a new line\n", 0644);
	put("/new/not-utf-8-\xff", "no UTF-8\n", 0644);
	put("/new/.wh-not", "looks nearly like a whiteout\n", 0644);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: scribble BIG_MB\n");
		return 2;
	}
	umask(0);
	change_lower();
	make_dir("/new", 0755);
	make_owned();
	make_attributes();
	make_special();
	make_names();
	put_big("/new/big", atol(argv[1]));
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("scribbled\n");
	for (long tick = 0;; usleep(100 * 1000))
		printf("tick %ld\n", tick++);
}
