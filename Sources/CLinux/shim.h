// What Glibc's Swift overlay leaves out: epoll, eventfd, timerfd, accept4, memfd_create.
// Without _GNU_SOURCE: it changes fd_set and the sockaddr parameters, and the module then clashes with Dispatch's.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>

// Linux, since 2.6.28; glibc shows it with _GNU_SOURCE only.
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
// Linux, since 3.17, glibc 2.27; and of its flags the one that we use, under a name of ours.
extern int memfd_create(const char *name, unsigned int flags);
static const unsigned int carillon_memfd_cloexec = 1U;
// Linux, since 3.11; glibc shows O_TMPFILE with _GNU_SOURCE only.
static const int carillon_tmpfile = __O_TMPFILE;

#include <sys/prctl.h>
// prctl(2) takes arguments that vary, which Swift does not call.
static inline int carillon_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL); }
