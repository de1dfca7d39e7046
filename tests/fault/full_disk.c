/* Stands before the C library, for a test: from the n-th call on that may want room on a disk, the
 * disk is full. Counts what SQLite and Python alike do to files and folders; pipes are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls;
static long full_from, full_until, paused = 1;

/* The calls from `from` up to before `until` fail; the count begins anew. */
void full_disk_arm(long from, long until) {
    full_from = from;
    full_until = until;
    paused = 0;
    atomic_store(&calls, 0);
}

/* From here on there is room, and nothing is counted. */
void full_disk_pause(void) { paused = 1; }

/* How many calls there were. */
long full_disk_calls(void) { return atomic_load(&calls); }

static int refused(void) {
    if (paused) return 0;
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (now < full_from || now >= full_until) return 0;
    errno = ENOSPC;
    return 1;
}

static int is_file(int number) {
    struct stat about;
    return fstat(number, &about) == 0 && S_ISREG(about.st_mode);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int number, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return is_file(number) && refused() ? -1 : real(number, bytes, size);
}

ssize_t pwrite64(int number, const void *bytes, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return refused() ? -1 : real(number, bytes, size, at);
}

int ftruncate64(int number, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    return refused() ? -1 : real(number, size);
}

int fsync(int number) {
    REAL(int, "fsync", int);
    return is_file(number) && refused() ? -1 : real(number);
}

int fdatasync(int number) {
    REAL(int, "fdatasync", int);
    return is_file(number) && refused() ? -1 : real(number);
}

int open64(const char *path, int how, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list rest;
    va_start(rest, how);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    int makes = (how & O_TMPFILE) == O_TMPFILE || ((how & O_CREAT) && access(path, F_OK) != 0);
    return makes && refused() ? -1 : real(path, how, mode);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return access(path, F_OK) != 0 && refused() ? -1 : real(path, mode);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return refused() ? -1 : real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int how) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return refused() ? -1 : real(from_folder, from, to_folder, to, how);
}
