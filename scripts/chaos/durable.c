/* Keeps, beside a folder, what a disk would hold of it after a power cut: LD_PRELOAD, DURABLE_FOLDER, DURABLE_COPY.
 *
 * The content of a file is durable once it is synced, its name once its folder is. POSIX promises no more. A file is
 * known by its inode and the time of its birth, as numbers of inodes are used again. DURABLE_COPY has
 *     contents/INODE-BIRTH     what was synced of a file
 *     names/PATH               of a folder, "/" as "%": a line "NAME INODE-BIRTH" for each file
 * All that is in the folder when the first process starts counts as durable. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 2 * PATH_MAX };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], copy[PATH_MAX];

static void fail(int line) {
  fprintf(stderr, "durable.c:%d: %s\n", line, strerror(errno));
  abort();
}

static int identity(int at, const char *path, int flags, char *out, size_t room, unsigned *mode) {
  struct statx found;
  if (statx(at, path, flags, STATX_INO | STATX_BTIME | STATX_TYPE, &found)) return -1;
  *mode = found.stx_mode;
  snprintf(out, room, "%llu-%lld.%u", (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
           found.stx_btime.tv_nsec);
  return 0;
}

static void keep_content(int source, const char *name) {
  char path[PATH_ROOM], part[PATH_ROOM + 8], piece[65536];
  snprintf(path, sizeof path, "%s/contents/%s", copy, name);
  snprintf(part, sizeof part, "%s.part", path);
  int target = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  off_t place = 0;
  ssize_t count;
  while (target >= 0 && (count = pread(source, piece, sizeof piece, place)) > 0) {
    if (write(target, piece, count) != count) fail(__LINE__);
    place += count;
  }
  if (target < 0 || close(target) || rename(part, path)) fail(__LINE__);
}

static void keep_names(const char *path) {
  char target[PATH_ROOM], part[PATH_ROOM + 8], known[64], file[PATH_ROOM];
  const char *rest = path + strlen(folder);
  unsigned mode;
  int length = snprintf(target, sizeof target, "%s/names/", copy);
  snprintf(target + length, sizeof target - length, "%s", *rest ? rest : "/");
  for (char *c = target + length; *c; c++)
    if (*c == '/') *c = '%';
  snprintf(part, sizeof part, "%s.part", target);
  FILE *out = fopen(part, "w");
  DIR *found = opendir(path);
  if (!out || !found) fail(__LINE__);
  for (struct dirent *entry; (entry = readdir(found));) {
    snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    if (!identity(AT_FDCWD, file, AT_SYMLINK_NOFOLLOW, known, sizeof known, &mode) && S_ISREG(mode))
      fprintf(out, "%s %s\n", entry->d_name, known);
  }
  closedir(found);
  if (fclose(out) || rename(part, target)) fail(__LINE__);
}

static void keep(int descriptor) {
  char link[64], path[PATH_MAX], known[64];
  unsigned mode;
  if (!*folder) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(path, folder, prefix) || (path[prefix] && path[prefix] != '/')) return;
  if (identity(descriptor, "", AT_EMPTY_PATH, known, sizeof known, &mode)) return;
  pthread_mutex_lock(&lock);
  if (S_ISDIR(mode)) {
    keep_names(path);
  } else if (S_ISREG(mode)) {
    int source = open(link, O_RDONLY);
    if (source < 0) fail(__LINE__);
    keep_content(source, known);
    close(source);
  }
  pthread_mutex_unlock(&lock);
}

static int keep_at_start(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status, (void)place;
  if (type == FTW_D) {
    keep_names(path);
  } else if (type == FTW_F) {
    char known[64];
    unsigned mode;
    int source = open(path, O_RDONLY);
    if (source < 0 || identity(source, "", AT_EMPTY_PATH, known, sizeof known, &mode)) fail(__LINE__);
    keep_content(source, known);
    close(source);
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *of = getenv("DURABLE_FOLDER"), *in = getenv("DURABLE_COPY");
  char path[PATH_ROOM];
  if (!of || !in || !realpath(of, folder)) return;
  snprintf(copy, sizeof copy, "%s", in);
  snprintf(path, sizeof path, "%s/contents", copy);
  if (mkdir(path, 0700)) return; /* begun by an earlier process */
  snprintf(path, sizeof path, "%s/names", copy);
  if (mkdir(path, 0700) || nftw(folder, keep_at_start, 16, FTW_PHYS)) fail(__LINE__);
}

static int synced(const char *name, int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = real(descriptor);
  if (!result) {
    int saved = errno;
    keep(descriptor);
    errno = saved;
  }
  return result;
}

int fsync(int descriptor) { return synced("fsync", descriptor); }
int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }
