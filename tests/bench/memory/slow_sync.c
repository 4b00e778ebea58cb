/* A slower disk, for whatever is started with this in LD_PRELOAD: each sync takes SLOWSYNC_US microseconds longer.
 *
 * A sync is a call that returns once data is on the disk: fsync, fdatasync, sync_file_range, msync of MS_SYNC, and any write to
 * a file that was opened with O_DSYNC or O_SYNC. LMDB does the last with its meta page, after an fdatasync of all others, so one
 * of its commits pays twice. What a page cache takes in pays nothing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

/* Calls the real function, waits if it was a sync, and hands on what it returned and its errno. */
#define SLOWLY(type, is_sync, call) \
    do {                            \
        type returned = (call);     \
        int said = errno;           \
        if (is_sync) slow();        \
        errno = said;               \
        return returned;            \
    } while (0)

static void slow(void)
{
    const char *told = getenv("SLOWSYNC_US");
    long microseconds = told ? atol(told) : 0;
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

static int writes_through(int file)
{
    int flags = fcntl(file, F_GETFL);
    return flags != -1 && (flags & O_DSYNC); /* O_SYNC holds the bit of O_DSYNC */
}

int fsync(int file)
{
    SLOWLY(int, 1, REAL(fsync)(file));
}

int fdatasync(int file)
{
    SLOWLY(int, 1, REAL(fdatasync)(file));
}

int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned int flags)
{
    SLOWLY(int, (flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0, REAL(sync_file_range)(file, offset, bytes, flags));
}

int msync(void *address, size_t bytes, int flags)
{
    SLOWLY(int, (flags & MS_SYNC) != 0, REAL(msync)(address, bytes, flags));
}

ssize_t write(int file, const void *data, size_t bytes)
{
    SLOWLY(ssize_t, writes_through(file), REAL(write)(file, data, bytes));
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset)
{
    SLOWLY(ssize_t, writes_through(file), REAL(pwrite)(file, data, bytes, offset));
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t offset)
{
    SLOWLY(ssize_t, writes_through(file), REAL(pwrite64)(file, data, bytes, offset));
}
